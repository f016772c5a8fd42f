"""Catalogue reads from the response cache: answered before DRF is set up, for callers without credentials."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from django_shopcore.core import response_cache
from django_shopcore.core.access import ANYONE, policy_for
from django_shopcore.core.conditional import not_modified
from django_shopcore.core.leases import readable_cache
from django_shopcore.core.limits import RateLimited, Usage, enforce_and_read
from django_shopcore.core.representation import is_ours
from django_shopcore.core.response_cache import Answer

from . import cdn

PAGE_PARAMETERS = frozenset({"page", "size", "cursor", "fields"})
# What a site may replace to decide who may read what: then each request has to go through it.
OWN_RULES = (
    "check_permissions",
    "check_throttles",
    "determine_version",
    "dispatch",
    "facets",
    "finalize_response",
    "get",
    "get_authenticators",
    "get_limits",
    "get_permissions",
    "get_throttles",
    "initial",
    "initialize_request",
    "list",
    "retrieve",
    "setup",
)
# These find credentials nowhere but in the header, or in the session's cookie.
KNOWN_AUTHENTICATION = (
    "django_shopcore.",
    "rest_framework.authentication",
    "rest_framework_simplejwt.",
)


class NotKeptError(Exception):
    """Carries a response that is not to be kept."""

    def __init__(self, response: HttpResponseBase) -> None:
        super().__init__()
        self.response = response


class KeptReads:
    """A view function that answers from the response cache where it may, and from the view otherwise."""

    def __init__(self, view: Any, view_class: Any, actions: Mapping[str, str] | None, initkwargs: Any) -> None:
        functools.update_wrapper(self, view)
        self.view, self.view_class, self.initkwargs = view, view_class, initkwargs
        self.name = f"{view_class.__module__}.{view_class.__qualname__}"
        self.action = actions.get("get") if actions else "get"
        handlers = actions if actions else [name for name in view_class.http_method_names if hasattr(view_class, name)]
        methods = {*handlers, *(["head"] if "get" in handlers else []), "options"}
        self.allow = ", ".join(name.upper() for name in view_class.http_method_names if name in methods)

    def __call__(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        if request.method != "GET" or not response_cache.is_usable() or not self._is_open_to_all(request):
            return self.view(request, *args, **kwargs)
        view = self.view_class(**self.initkwargs)
        if not view.keeps(self.action, request.GET):
            return self.view(request, *args, **kwargs)
        key = f"{self.name} {view.fingerprint()} {request.build_absolute_uri()}"
        cache = readable_cache()
        try:
            limits = view.limits_of(self.action, request.GET)
            usages, found = enforce_and_read(limits, request, cache, response_cache.places(key))
        except RateLimited as exc:
            request.counted = exc
            return self.view(request, *args, **kwargs)
        request.counted = usages
        answer = response_cache.peek(key, found)
        if answer is None:
            try:
                answer = response_cache.fetch(key, view.tables, lambda: self._compute(request, args, kwargs))
            except NotKeptError as exc:
                return exc.response
        return self._respond(request, answer, usages, cdn.public_headers(view, kwargs))

    def _is_open_to_all(self, request: HttpRequest) -> bool:
        return (
            "HTTP_AUTHORIZATION" not in request.META
            and getattr(request, "_force_auth_user", None) is None  # DRF's test client
            and ("HTTP_COOKIE" not in request.META or settings.SESSION_COOKIE_NAME not in request.COOKIES)
            and policy_for(self.view_class.access, self.action) is ANYONE
            and _follows_our_rules(self.view_class)
            and all(
                f"{type(found).__module__}.".startswith(KNOWN_AUTHENTICATION)
                for found in self.view_class(**self.initkwargs).get_authenticators()
            )
        )

    def _compute(self, request: HttpRequest, args: Any, kwargs: Any) -> Answer:
        response: Any = self.view(request, *args, **kwargs)
        tokens = getattr(response, "tokens", None)
        # The user may come from the site's middleware, which no header tells.
        if response.status_code != 200 or tokens is None or "private" in response["Cache-Control"]:
            raise NotKeptError(response)
        response.render()
        if response.status_code != 200:  # the client has it already
            raise NotKeptError(response)
        return Answer(response.content, response["ETag"], tokens)

    def _respond(
        self, request: HttpRequest, answer: Answer, usages: Sequence[Usage], public: Mapping[str, str]
    ) -> HttpResponseBase:
        headers = {"Allow": self.allow, "Vary": "Authorization", "ETag": answer.etag, **public}
        if usages:
            headers |= min(usages, key=lambda usage: usage.quota - usage.used).headers()
        response = HttpResponse(answer.body, content_type="application/json", headers=headers)
        return not_modified(request, response)  # type: ignore[arg-type]


@functools.cache
def _follows_our_rules(view_class: Any) -> bool:
    return all(is_ours(view_class, name) for name in OWN_RULES) and not view_class.permission_classes
