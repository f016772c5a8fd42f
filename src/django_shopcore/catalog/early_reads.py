"""Reads without credentials, answered before the request is Django's."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import setting_changed
from django.db import connections
from django.urls import set_script_prefix

from django_shopcore.core import leases, limits, waiting
from django_shopcore.core.conditional import NOT_MODIFIED_HEADERS, matches
from django_shopcore.core.limits import Usage, tightest_headers
from django_shopcore.core.plans import Shapes
from django_shopcore.core.response_cache import Answer

from .caching import COUNTED, FAILED, Kept, Opened, count_and_find
from .middleware import OF_THE_ANSWER, PASSED, PERSONAL, SITE, Passed, find

Environ = dict[str, Any]
Headers = list[tuple[str, str]]

# The headers that all middleware adds to a route's answers; what is ready of a URL; query strings taken apart.
_routes, _ready, _parsed = Shapes(256), Shapes(2048), Shapes(1024)
# What the addresses of a site begin with.
_origins = Shapes(256)
LONGEST_QUERY = 200


def _forget(**kwargs: Any) -> None:
    _routes.clear()
    _ready.clear()
    _parsed.clear()
    _origins.clear()
    _is_worth_it.cache_clear()


setting_changed.connect(_forget, dispatch_uid="shopcore.early_reads")


@dataclass(slots=True)
class EarlyRead:
    """A read that was answered before it was Django's: what a log line or a metric tells of a request.

    ``path`` is the decoded path, ``route`` the pattern it matched, ``status`` 200 or 304, ``seconds`` how long it took,
    ``made`` what ``around`` has yielded, if the answer had to be made.
    """

    environ: Environ
    path: str
    route: str
    status: int
    seconds: float
    made: Any = None


Answered = Callable[[EarlyRead], Mapping[str, str]]
Around = Callable[[Environ], AbstractContextManager[Any]]


@dataclass
class Ready:
    """All that the answer to a URL has, but for its body, its entity tag and the state of the limits.

    ``own`` are its headers, ``added`` those of other middleware. ``has_body``: whether that is known to leave bodies
    alone, and not only answers without one.
    """

    kept: Kept | None
    path: str
    route: str
    own: Mapping[str, str]
    added: Mapping[str, str]
    has_body: bool = True

    @functools.cached_property
    def headers(self) -> Headers:
        return [*{**self.own, **self.added}.items()]

    @functools.cached_property
    def headers_of_304(self) -> Headers:
        return [(name, value) for name, value in self.headers if name in (*NOT_MODIFIED_HEADERS, *self.added)]


class EarlyReads:
    """WSGI middleware (PEP 3333) that answers reads of the catalogue without credentials by itself.

    What ``OpenReadsMiddleware`` answers on a route is answered here once that is learnt, from the response cache or
    the database as ever; all else is Django's. Of such a read neither Django's signals nor the middleware listed
    before ``OpenReadsMiddleware`` hear: ``answered`` is called with an ``EarlyRead`` and does for it what they would
    do. It returns headers for the answer, named by ``adds``. ``around`` is called with the environment and returns a
    context manager, which holds while an answer is made that was not kept. A route whose answers get any other
    headers from that middleware, or another body, is left to Django.
    """

    def __init__(
        self,
        application: Any,
        answered: Answered | None = None,
        adds: Collection[str] = (),
        around: Around | None = None,
    ) -> None:
        self.application = application
        self.answered, self.around = answered, around
        self.unlearnt = OF_THE_ANSWER | {name.lower() for name in adds}

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET" or any(map(environ.get, PERSONAL)):
            return self._pass_on(environ, start_response)
        begin = time.perf_counter()
        waiting.begin(environ)
        site = _site(environ)
        url = (site, environ.get("PATH_INFO"), environ.get("QUERY_STRING"))
        ready: Ready | None = _ready.peek(url)
        if ready is not None and _is_worth_it() and (found := _look(environ, ready)) is not None:
            return self._show(environ, start_response, begin, ready, *found)
        match = find(environ.get("PATH_INFO", ""))
        added = _routes.peek((site, match.route)) if match else None
        # Django logs queries for each request it knows of.
        if match is None or added is None or settings.DEBUG:
            return self._learn(site, url, environ, start_response)
        with self.around(environ) if self.around else nullcontext() as made:
            request, opened = _open(environ, match, site)
        if opened is None:
            return self._pass_on(environ, start_response)
        ready = Ready(opened.kept, request.path, match.route, opened.own, added)
        if opened.knows_nobody and opened.kept is not None:
            _ready.put(url, ready)
        return self._show(environ, start_response, begin, ready, opened.answer, opened.usages, made)

    def _show(
        self,
        environ: Environ,
        start_response: Any,
        begin: float,
        ready: Ready,
        answer: Answer,
        usages: Sequence[Usage],
        made: Any = None,
    ) -> list[bytes]:
        headers = {"ETag": answer.etag, **tightest_headers(usages)}
        tags = environ.get("HTTP_IF_NONE_MATCH")
        if tags is not None and matches(tags, answer.etag):
            status, same, body = 304, ready.headers_of_304, b""
        else:
            status, same, body = 200, ready.headers, answer.body
            headers["Content-Length"] = str(len(body))
        seconds = time.perf_counter() - begin
        shown = [*same, *headers.items()]
        if self.answered is not None:
            read = EarlyRead(environ, ready.path, ready.route, status, seconds, made)
            shown += self.answered(read).items()
        start_response(STATUS_LINES[status], shown)
        return [body] if body else []

    def _pass_on(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        result: Iterable[bytes] = self.application(environ, start_response)
        return result

    def _learn(self, site: Any, url: Any, environ: Environ, start_response: Any) -> Iterable[bytes]:
        sent: Headers = []
        line = ""

        def start(status: str, headers: Headers, *exc_info: Any) -> Any:
            nonlocal line
            line, sent[:] = status, headers
            return start_response(status, headers, *exc_info)

        result: Any = self._pass_on(environ, start)
        passed: Passed | None = environ.get(PASSED)
        unchanged = passed is not None and line[:3] == str(passed.status)
        if passed is not None and unchanged and getattr(result, "content", None) == passed.body:
            has_body, route = passed.status == 200, passed.match.route
            ready = Ready(passed.kept, passed.path, route, passed.headers, passed.added, has_body)
            same = [(name, value) for name, value in sent if name.lower() not in self.unlearnt]
            if sorted(same) == sorted(ready.headers if has_body else ready.headers_of_304):
                if has_body:
                    _routes.put((site, route), passed.added)
                if passed.kept is not None and (has_body or _ready.peek(url) is None):
                    _ready.put(url, ready)
        return result  # type: ignore[no-any-return]


STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED)}


def _open(environ: Environ, match: Any, site: Any) -> tuple[WSGIRequest, Opened | None]:
    """The request, and what its view answers nobody in particular, with the little of Django that it takes."""
    # Django writes the path, decoded, into what it is given; the next one who reads that would decode it again.
    request = WSGIRequest(dict(environ))
    set_script_prefix(request.META["SCRIPT_NAME"])
    request.META = environ
    request.resolver_match = match
    own, origin, query = request.__dict__, _origins.peek(site), environ.get("QUERY_STRING", "")
    if origin is not None:
        own["shopcore_origin"] = origin
    parameters = _parsed.peek(query)
    if parameters is not None:
        request.GET = parameters
    # As Django does before and after each request.
    held = connections.all(initialized_only=True)
    for connection in held:
        connection.close_if_unusable_or_obsolete()
    try:
        opened = None if leases.in_transaction(held) else match.func.open(request, match.args, match.kwargs)
        if opened is not None and parameters is None and len(query) <= LONGEST_QUERY:
            _parsed.put(query, request.GET)  # which nobody can change
        if origin is None and "shopcore_origin" in own:
            _origins.put(site, own["shopcore_origin"])
    finally:
        made = len(held) < len(connections.settings)  # perhaps some more
        for connection in connections.all(initialized_only=True) if made else held:
            connection.close_if_unusable_or_obsolete()
    if "failed" in own:
        environ[FAILED] = own["failed"]
    return request, opened


@functools.cache
def _is_worth_it() -> bool:
    """Whether there is such a Redis at all."""
    cache = leases.shared_cache()
    return cache is not None and cache is limits.shared_cache() and cache.client is not None


class _Anybody:
    """What the limits ask of a request that has no user."""

    __slots__ = ("META",)

    def __init__(self, environ: Environ) -> None:
        self.META = environ


def _look(environ: Environ, ready: Ready) -> tuple[Answer, list[Usage]] | None:
    """The right answer and the limits that the request was counted against; ``None`` where it has to be Django's."""
    found = count_and_find(_Anybody(environ), ready.kept) if ready.kept is not None else None
    if found is None:
        return None
    usages, answer = found
    shows = answer is not None and (ready.has_body or matches(environ.get("HTTP_IF_NONE_MATCH", ""), answer.etag))
    if answer is None or not shows or any(usage.exceeded for usage in usages):
        environ[COUNTED] = usages
        return None
    return answer, usages


def _site(environ: Environ) -> tuple[Any, ...]:
    """All that tells one site from another."""
    proxy = settings.SECURE_PROXY_SSL_HEADER
    return (environ["wsgi.url_scheme"], proxy and environ.get(proxy[0]), *map(environ.get, SITE))
