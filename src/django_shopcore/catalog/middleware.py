"""Reads without credentials, answered before the site's other middleware is asked."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.signals import setting_changed
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, get_resolver

from django_shopcore.core.conditional import NOT_MODIFIED_HEADERS, not_modified
from django_shopcore.core.limits import tightest_headers
from django_shopcore.core.plans import Shapes

from .caching import FAILED, Kept, Opened, OpenReads, look

# Whoever sends one of these gets an answer of their own, or one that other middleware has a say in.
PERSONAL = ("HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_ORIGIN", "HTTP_RANGE", "REMOTE_USER")
# What names the site, besides the scheme.
SITE = ("HTTP_HOST", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT", "SERVER_NAME", "SERVER_PORT", "SCRIPT_NAME")
# Made anew for each answer.
OF_THE_ANSWER = frozenset({"etag", "content-length", "ratelimit", "ratelimit-policy"})
# An answer that varies with anything else may be another one for the next caller.
VARIES = frozenset({"authorization", "origin", "cookie"})

LONGEST_PATH = 200
# Where a request's environment has ``Passed``.
PASSED = "shopcore.passed"

_routes, _urls = Shapes(256), Shapes(2048)


def _forget(**kwargs: Any) -> None:
    _routes.clear()
    _urls.clear()
    _resolved.cache_clear()


setting_changed.connect(_forget, dispatch_uid="shopcore.open_reads")


@dataclass(frozen=True)
class Route:
    """What other middleware adds to the answers of a route; ``None`` where that is not the same each time."""

    added: Mapping[str, str] | None
    is_confirmed: bool = False


@dataclass(frozen=True)
class Known:
    """The view of a URL, where its answer is kept and which headers it had."""

    match: ResolverMatch
    kept: Kept
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Passed:
    """An answer, its own headers and those that other middleware adds; for whoever is asked before Django."""

    match: ResolverMatch
    kept: Kept | None
    headers: Mapping[str, str]
    added: Mapping[str, str]
    path: str
    status: int
    body: bytes


class OpenReadsMiddleware:
    """Optional: answers reads of the catalogue without credentials before whatever is listed after it.

    It goes by what it has seen: when two answers of a route passed the other middleware unchanged, but for the same
    headers added to both, the next ones get these headers without asking. Answers come from the response cache or
    the database as ever, and rate limits count as ever.

    List it after what must see every request, and before the rest. What comes after it must not treat two such
    requests to a route differently, unless by a header that ``Vary`` names: requests with cookies, ``Authorization``
    or ``Origin`` always go all the way, and so does what is not answered with 200 or 304.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        meta = request.META
        if request.method != "GET" or any(map(meta.get, PERSONAL)) or hasattr(request, "_force_auth_user"):
            return self.get_response(request)
        if FAILED in meta:
            return self.get_response(request)
        site = (getattr(request, "urlconf", None), request.scheme, *map(meta.get, SITE))
        url = (site, request.path_info, meta.get("QUERY_STRING"))
        response = _answer(request, site, url)
        if response is None:
            response = self.get_response(request)
            match, opened = request.resolver_match, getattr(response, "opened", None)
            if match is not None and opened is not None:
                key = (site, match.route)
                learnt = _learnt(response, opened, _routes.peek(key))
                if learnt is not None:
                    _routes.put(key, learnt)
        return response


def _answer(request: Any, site: Any, url: Any) -> HttpResponseBase | None:
    known: Known | None = _urls.peek(url)
    match = known.match if known else find(request.path_info, getattr(request, "urlconf", None))
    if match is None:
        return None
    route: Route | None = _routes.peek((site, match.route))
    if route is None or not route.is_confirmed or route.added is None:
        return None
    response: Any = _from_cache(request, known) if known else None
    own: tuple[Kept | None, Mapping[str, str]] | None = (known.kept, known.headers) if known else None
    if response is None:
        view: Any = match.func
        response = view.respond(request, match.args, match.kwargs)
        if response is None:
            return None
        opened: Opened | None = getattr(response, "opened", None)
        own = (opened.kept, opened.own) if opened else None
        if opened is not None and opened.kept is not None:
            _urls.put(url, Known(match, opened.kept, opened.own))
    for name, value in route.added.items():
        response.headers[name] = value
    request.resolver_match = match
    if response.status_code == 200:
        response.headers["Content-Length"] = str(len(response.content))
    if own is not None and getattr(request, "urlconf", None) is None:
        answer = (response.status_code, response.content)
        request.META[PASSED] = Passed(match, *own, route.added, request.path, *answer)
    return response  # type: ignore[no-any-return]


def find(path: str, urlconf: Any = None) -> ResolverMatch | None:
    """The view of a path, if it is one of those that answer openly."""
    # Nobody shall fill the memory with long paths.
    resolved = _resolved if len(path) <= LONGEST_PATH else _resolved.__wrapped__
    return resolved(urlconf, path)


@functools.lru_cache(maxsize=4096)
def _resolved(urlconf: Any, path: str) -> ResolverMatch | None:
    try:
        match = get_resolver(urlconf).resolve(path)
    except Http404:
        return None
    return match if isinstance(match.func, OpenReads) else None


def _from_cache(request: Any, known: Known) -> HttpResponseBase | None:
    try:
        answer = look(request, known.kept)
    except Exception as exc:  # noqa: BLE001 - the view knows what to answer to it
        request.failed = exc
        return None
    if answer is None:
        return None
    headers = {**known.headers, "ETag": answer.etag, **tightest_headers(request.counted)}
    return not_modified(request, HttpResponse(answer.body, headers=headers))


def _learnt(response: Any, opened: Opened, before: Route | None) -> Route | None:
    """What is known of a route after ``response``, which has passed all other middleware."""
    if before is not None and before.is_confirmed:
        return before
    added = _added(response, opened)
    if response.status_code == 304:
        # It tells nothing of what is done to a body, so it can only confirm.
        confirms = before is not None and added is not None and before.added == added
        return Route(added, is_confirmed=True) if confirms else before
    if added is None or (before is not None and before.added != added):
        return Route(None, is_confirmed=True)
    return Route(added, is_confirmed=before is not None)


def _added(response: Any, opened: Opened) -> dict[str, str] | None:
    """The headers that were added to a response; ``None`` if anything else was done to it."""
    varies = {name.strip().lower() for name in response.get("Vary", "").split(",") if name}
    unchanged = response.status_code == 304
    body = b"" if unchanged else opened.answer.body
    if response.status_code not in (200, 304) or response.cookies or not varies <= VARIES or response.content != body:
        return None
    headers = dict(response.items())
    had = {name: value for name, value in opened.headers.items() if not unchanged or name in NOT_MODIFIED_HEADERS}
    replaced = {name for name, value in had.items() if headers.get(name) != value}
    if not replaced <= {"Vary"}:
        return None
    return {
        name: value for name, value in headers.items() if name.lower() not in OF_THE_ANSWER and had.get(name) != value
    }
