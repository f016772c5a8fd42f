"""Catalogue reads for callers without credentials: answered before DRF is set up, and kept in the response cache."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.authentication import (
    BasicAuthentication,
    RemoteUserAuthentication,
    SessionAuthentication,
    TokenAuthentication,
)
from rest_framework.request import Request
from rest_framework.response import Response

from django_shopcore.core import response_cache
from django_shopcore.core.access import ANYONE, policy_for
from django_shopcore.core.addresses import absolute_url
from django_shopcore.core.conditional import digest, not_modified
from django_shopcore.core.conf import core_settings
from django_shopcore.core.json import dumps
from django_shopcore.core.leases import in_transaction, now, readable_cache
from django_shopcore.core.limits import (
    Limit,
    Usage,
    admit,
    count_and_read,
    count_here,
    enforce,
    shared_cache,
    tightest_headers,
)
from django_shopcore.core.representation import is_ours
from django_shopcore.core.request_guards import check_query_string
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
# These find credentials nowhere but in the header.
HEADER_ONLY = (BasicAuthentication, TokenAuthentication)
# These take whom Django's middleware has found.
FROM_DJANGO = (SessionAuthentication, RemoteUserAuthentication)
NOTHING_NEW = object()
# Where a request's environment has its usages of the limits, if it was counted before it was Django's.
COUNTED = "shopcore.counted"
# What went wrong when it was to be answered before it was Django's.
FAILED = "shopcore.failed"


@dataclass
class Reply:
    """What a read found: the body's data, its entity tag (made from the body where there is none) and its tokens.

    Without data (``NOTHING_NEW``) the client has it already.
    """

    data: Any
    etag: str | None = None
    tokens: Mapping[str, str] | None = None

    def response(self) -> Response:
        headers = {"ETag": self.etag} if self.etag else None
        known = self.data is NOTHING_NEW
        return Response(None if known else self.data, 304 if known else 200, headers=headers)


class NotModifiedError(Exception):
    """The client has the present answer already."""

    def __init__(self, etag: str | None) -> None:
        super().__init__()
        self.etag = etag or ""


@dataclass(frozen=True)
class Kept:
    """Where the answer to a request is kept, and what counts the request."""

    places: tuple[str, str]
    limits: tuple[Limit, ...]


@dataclass(slots=True)
class Opened:
    """What nobody in particular is answered, before any middleware sees it.

    ``own`` are the headers that the next answer to the same URL has too. ``knows_nobody``: whether who signed in
    otherwise than by a header would get it as well.
    """

    answer: Answer
    own: Mapping[str, str]
    usages: Sequence[Usage]
    kept: Kept | None
    knows_nobody: bool

    @property
    def headers(self) -> dict[str, str]:
        return {**self.own, "ETag": self.answer.etag, **tightest_headers(self.usages)}


def count_and_find(request: Any, kept: Kept) -> tuple[list[Usage], Answer | None] | None:
    """Counts the request against its limits and refuses nobody, and finds the answer that is kept, if it is right.

    It takes one round trip to Redis, or none right after another one; ``None`` where it would take more.
    """
    cache = readable_cache()
    answer = response_cache.at_hand(cache, kept.places)
    if answer is not None and (usages := count_here(kept.limits, request, cache)) is not None:
        return usages, answer
    asked = now()
    found = count_and_read(kept.limits, request, cache, response_cache.to_ask(kept.places))
    if found is None:
        return None
    usages, seen = found
    return usages, response_cache.judge(cache, kept.places, seen, asked)


def look(request: Any, kept: Kept) -> Answer | None:
    """Counts the request and returns the answer that is kept, if it is right. Once for each request.

    Raises ``RateLimited``.
    """
    if _is_counted(request):
        return None
    found = count_and_find(request, kept)
    if found is None:
        request.counted = enforce(kept.limits, request)
        return response_cache.judge(readable_cache(), kept.places)
    usages, answer = found
    request.counted = admit(usages, request)
    return answer


def count(request: Any, limits: Sequence[Limit]) -> None:
    if _is_counted(request):
        return
    usages, cache = None, shared_cache()
    if cache is None:
        limits = [limit for limit in limits if limit.essential]
    else:
        usages = count_here(limits, request, cache)
        if usages is None and (found := count_and_read(limits, request, cache, ())) is not None:
            usages = found[0]
    request.counted = enforce(limits, request) if usages is None else admit(usages, request)


def _is_counted(request: Any) -> bool:
    """Whether the request has been counted; raises ``RateLimited`` for one that was, before it was Django's."""
    usages = request.META.pop(COUNTED, None)
    if usages is not None:
        request.counted = admit(usages, request)
    return hasattr(request, "counted")


class OpenReads:
    """A view function that answers reads without credentials by itself, from the response cache where it may.

    The view's method is called as DRF would call it for an anonymous caller, with the checks that apply to
    one; what goes wrong is left to the view itself, as is every other request.
    """

    def __init__(self, view: Any, view_class: Any, actions: Mapping[str, str] | None, initkwargs: Any) -> None:
        functools.update_wrapper(self, view)
        self.view, self.view_class, self.initkwargs = view, view_class, initkwargs
        self.name = f"{view_class.__module__}.{view_class.__qualname__}"
        self.action: Any = actions.get("get") if actions else "get"
        handlers = actions if actions else [name for name in view_class.http_method_names if hasattr(view_class, name)]
        methods = {*handlers, *(["head"] if "get" in handlers else []), "options"}
        self.allow = ", ".join(name.upper() for name in view_class.http_method_names if name in methods)

    def __call__(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        response = self.respond(request, args, kwargs)
        return self.view(request, *args, **kwargs) if response is None else response

    def respond(self, request: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """What ``open`` says, as a response."""
        opened = None if in_transaction() else self.open(request, args, kwargs)
        if opened is None:
            return None
        response: Any = not_modified(request, HttpResponse(opened.answer.body, headers=opened.headers))
        if opened.knows_nobody:
            response.opened = opened
        return response  # type: ignore[no-any-return]

    def open(self, request: Any, args: Any, kwargs: Any) -> Opened | None:
        """The answer to a caller without credentials; ``None`` for what the view has to answer itself.

        Not within a transaction. Its body is empty where the client has it already.
        """
        if FAILED in request.META:
            request.failed = request.META.pop(FAILED)
        if request.method != "GET" or hasattr(request, "failed"):
            return None
        view = self.view_class(**self.initkwargs)
        kinds = [type(found) for found in view.get_authenticators()]
        if not self._is_open_to_all(request, kinds):
            return None
        try:
            # Whether a request without credentials has no user, whatever other middleware there is.
            knows_nobody = not any(kind in FROM_DJANGO for kind in kinds)
            return self._answer(request, view, args, kwargs, knows_nobody)
        except Exception as exc:  # noqa: BLE001 - the view knows what to answer to it
            request.failed = exc
            return None

    def _is_open_to_all(self, request: HttpRequest, authenticators: Sequence[Any]) -> bool:
        return (
            "HTTP_AUTHORIZATION" not in request.META
            and getattr(request, "_force_auth_user", None) is None  # DRF's test client
            and ("HTTP_COOKIE" not in request.META or settings.SESSION_COOKIE_NAME not in request.COOKIES)
            and policy_for(self.view_class.access, self.action) is ANYONE
            and _follows_our_rules(self.view_class)
            and not core_settings.PERMISSION_CLASSES
            and not core_settings.THROTTLE_CLASSES
            and all(_finds_nobody(kind, request) for kind in authenticators)
        )

    def _answer(self, request: Any, view: Any, args: Any, kwargs: Any, knows_nobody: bool) -> Opened:
        check_query_string(request)
        limits = view.limits_of(self.action, request.GET)

        def compute() -> Answer:
            return self._compute(request, view, args, kwargs)

        kept = None
        try:
            if response_cache.is_usable() and view.keeps(self.action, request.GET):
                key = f"{self.name} {view.fingerprint()} {absolute_url(request)}"
                kept = Kept(response_cache.places(key), tuple(limits))
                answer = look(request, kept) or response_cache.fetch(key, view.tables, compute)
            else:
                count(request, limits)
                answer = compute()
        except NotModifiedError as exc:
            answer, kept = Answer(b"", exc.etag, None), None
        own = {
            "Content-Type": "application/json",
            "Allow": self.allow,
            "Vary": "Authorization",
            **cdn.public_headers(view, kwargs),
        }
        return Opened(answer, own, request.counted, kept, knows_nobody)

    def _compute(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> Answer:
        view.request = Request(request, parser_context={"view": view, "args": args, "kwargs": kwargs})
        view.request.user, view.request.auth = AnonymousUser(), None
        view.args, view.kwargs, view.action, view.format_kwarg = args, kwargs, self.action, None
        reply = view.reply(self.action)
        if reply.data is NOTHING_NEW:
            raise NotModifiedError(reply.etag)
        body = dumps(reply.data)
        return Answer(body, reply.etag or digest(body), reply.tokens)


def _finds_nobody(kind: Any, request: Any) -> bool:
    """Whether it is certain that an authenticator finds no user in a request without credentials."""
    if kind in FROM_DJANGO:
        user = getattr(request, "user", None)
        return user is None or not user.is_authenticated
    return kind in HEADER_ONLY or f"{kind.__module__}.".startswith(("django_shopcore.", "rest_framework_simplejwt."))


@functools.cache
def _follows_our_rules(view_class: Any) -> bool:
    pagination = getattr(view_class, "pagination_class", None)
    pages = pagination is None or is_ours(pagination, "get_paginated_response")
    return pages and all(is_ours(view_class, name) for name in OWN_RULES) and not view_class.permission_classes
