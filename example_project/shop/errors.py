"""Answers to what no view answers: problem details beneath ``/api/``, one line of text elsewhere."""

from __future__ import annotations

import sys
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.views.decorators.csrf import csrf_exempt

from django_shopcore.core.errors import ServiceUnavailable, as_api_exception, problem_response

API = "/api/"
TEXTS = {
    400: ("bad_request", "The request is malformed."),
    403: ("permission_denied", "You may not do this."),
    404: ("not_found", "There is nothing here."),
    503: ("service_unavailable", "The service is temporarily unavailable."),
    500: ("internal_error", "Something went wrong on our side. It has been logged."),
}


def _answer(request: HttpRequest, status: int) -> HttpResponse:
    code, detail = TEXTS[status]
    headers = {"Retry-After": str(ServiceUnavailable.wait)} if status == 503 else {}
    if request.path.startswith(API):
        return problem_response(request, status, code, detail, headers)
    return HttpResponse(f"{detail}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 where it is the database that fails."""
    error = sys.exc_info()[1]
    is_away = isinstance(error, Exception) and isinstance(as_api_exception(error), ServiceUnavailable)
    return _answer(request, 503 if is_away else 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    text = "The form has expired. Go back, reload the page and try again.\n"
    return HttpResponse(text, status=403, content_type="text/plain; charset=utf-8")


@csrf_exempt
def unknown_path(request: HttpRequest) -> HttpResponse:
    """404 for every other path of the API, also where ``DEBUG`` is on and whatever the method.

    A path that only lacks its last slash is one of them: a redirect would lose the body of a POST.
    """
    detail = TEXTS[404][1]
    try:
        if not request.path.endswith("/") and resolve(f"{request.path_info}/").func is not unknown_path:
            detail = "There is nothing here, but there is with a slash at the end of the path."
    except Resolver404:
        pass
    return problem_response(request, 404, "not_found", detail)


def exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's ``EXCEPTION_HANDLER`` for views that are not the library's, such as the schema's."""
    api_exc = as_api_exception(exc)
    if api_exc is None:
        return None
    code = getattr(api_exc.detail, "code", None) or api_exc.default_code
    return problem_response(context["request"], api_exc.status_code, code, api_exc.detail)
