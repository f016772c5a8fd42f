from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from .access import policy_for
from .errors import problem_response
from .views import ShopcoreView


class AccessMiddleware:
    """Optional: refuses a request to a view of ours without an access policy before the view is built.

    The base view refuses it too; this does so a step earlier, also for a subclass that lost the base's
    check. It judges our views only, never the host's.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        view_class = getattr(view, "cls", None)
        if view_class is None or not issubclass(view_class, ShopcoreView):
            return None
        method = (request.method or "").lower()
        if method == "head":
            method = "get"  # whose handler answers it, of which the class has no attribute
        actions = getattr(view, "actions", None)
        known = method in actions if actions else hasattr(view_class, method)
        if not known or method == "options":
            return None  # the view answers 405
        action = actions[method] if actions else method
        if policy_for(view_class.access, action) is None:
            return problem_response(request, 403, "no_access_policy", _("This view declares no access policy."))
        return None
