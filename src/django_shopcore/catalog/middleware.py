"""Kept answers before the site's other middleware, the routes and the views are asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.signals import setting_changed
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from django_shopcore.core.conditional import not_modified
from django_shopcore.core.limits import tightest_headers
from django_shopcore.core.plans import Shapes

from .caching import Kept, look

# Whoever sends one of these gets an answer of their own, or one that other middleware has a say in.
PERSONAL = ("HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_ORIGIN", "HTTP_RANGE", "REMOTE_USER")
# What may decide which answer it is, besides scheme, path and query.
PLACE = ("HTTP_HOST", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT", "SERVER_NAME", "SERVER_PORT", "SCRIPT_NAME")
# Made anew for each answer.
OF_THE_ANSWER = frozenset({"etag", "content-length", "ratelimit", "ratelimit-policy"})
# An answer that varies with anything else may be another one for the next caller.
VARIES = frozenset({"authorization", "origin", "cookie"})
KNOWN = 2048

_known = Shapes(KNOWN)
setting_changed.connect(lambda **kwargs: _known.clear(), weak=False, dispatch_uid="shopcore.kept_answers")


@dataclass(frozen=True)
class Known:
    """How a URL was answered. With ``headers`` unknown it was another way each time: it cannot be told beforehand."""

    kept: Kept
    match: Any
    headers: Mapping[str, str] | None = field(default_factory=dict)
    is_confirmed: bool = False


class KeptAnswersMiddleware:
    """Optional: answers reads of the catalogue that are kept, before whatever is listed after it.

    It goes by what it has seen: a URL that was answered to two callers without credentials with the same headers is
    answered with these from then on, as long as the response cache has the right body. Rate limits count as ever.

    List it after what must see every request, and before the rest. What comes after it must not treat two requests
    of the same URL differently that have no cookies, no ``Authorization`` and no ``Origin``, unless by a header that
    ``Vary`` names.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        meta = request.META
        if request.method != "GET" or any(map(meta.get, PERSONAL)) or hasattr(request, "_force_auth_user"):
            return self.get_response(request)
        place = (request.scheme, request.path_info, meta.get("QUERY_STRING"), *map(meta.get, PLACE))
        known: Known | None = _known.peek(place)
        if known is not None and known.is_confirmed:
            response = _answer(request, known)
            if response is not None:
                return response
        response = self.get_response(request)
        kept = getattr(response, "kept", None)
        if kept is not None and (known is None or not known.is_confirmed):
            _known.put(place, _learnt(request, response, kept, known))
        return response


def _answer(request: HttpRequest, known: Known) -> HttpResponseBase | None:
    if known.headers is None:
        return None
    try:
        answer = look(request, known.kept)
    except Exception as exc:  # noqa: BLE001 - the view knows what to answer to it
        request.failed = exc  # type: ignore[attr-defined]
        return None
    if answer is None:
        return None
    request.resolver_match = known.match
    usages = request.counted  # type: ignore[attr-defined]
    size = str(len(answer.body))
    headers = {**known.headers, "ETag": answer.etag, "Content-Length": size, **tightest_headers(usages)}
    return not_modified(request, HttpResponse(answer.body, headers=headers))


def _learnt(request: HttpRequest, response: Any, kept: Kept, before: Known | None) -> Known:
    """What is known of a URL after ``response``, which has passed all other middleware."""
    headers = {name: value for name, value in response.items() if name.lower() not in OF_THE_ANSWER}
    known = Known(replace(kept, answer=None), request.resolver_match, headers)
    varies = {name.strip().lower() for name in response.get("Vary", "").split(",") if name}
    assert kept.answer is not None  # noqa: S101
    changed = response.status_code != 200 or response.cookies or response.content != kept.answer.body
    if changed or not varies <= VARIES or (before is not None and before.headers != headers):
        return replace(known, headers=None, is_confirmed=True)
    return replace(known, is_confirmed=before is not None)
