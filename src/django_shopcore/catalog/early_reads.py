"""Reads without credentials, answered from the shared cache before the request is Django's."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed

from django_shopcore.core import leases, limits, response_cache
from django_shopcore.core.conditional import NOT_MODIFIED_HEADERS, matches
from django_shopcore.core.limits import Usage, count_and_read, tightest_headers
from django_shopcore.core.plans import Shapes
from django_shopcore.core.redis_scripts import redis_client
from django_shopcore.core.response_cache import Answer

from .caching import COUNTED, Kept
from .middleware import OF_THE_ANSWER, PASSED, PERSONAL, SITE, Passed

Environ = dict[str, Any]
Headers = list[tuple[str, str]]

_ready = Shapes(2048)


def _forget(**kwargs: Any) -> None:
    _ready.clear()
    _is_worth_it.cache_clear()


setting_changed.connect(_forget, dispatch_uid="shopcore.early_reads")


@dataclass(frozen=True)
class EarlyRead:
    """A read that was answered before it was Django's: what a log line or a metric tells of a request.

    ``path`` is the decoded path, ``route`` the pattern it matched, ``status`` 200 or 304, ``seconds`` how long it took.
    """

    environ: Environ
    path: str
    route: str
    status: int
    seconds: float


Answered = Callable[[EarlyRead], Mapping[str, str]]


@dataclass(frozen=True)
class Ready:
    """All that the answer to a URL has, but for its body, its entity tag and the state of the limits."""

    kept: Kept
    path: str
    route: str
    headers: Headers
    headers_of_304: Headers


class EarlyReads:
    """WSGI middleware (PEP 3333) that answers kept reads of the catalogue without credentials by itself.

    What ``OpenReadsMiddleware`` has answered to a URL once is answered here from then on, as long as the Redis of the
    response cache, which counts the limits too, has the right answer; all else is Django's. Of such a read neither
    Django's signals nor the middleware listed before ``OpenReadsMiddleware`` hear: ``answered`` is called with an
    ``EarlyRead`` and does for it what they would do. It returns headers for the answer, named by ``adds``. A URL
    whose answers get any other headers from that middleware, or another body, is left to Django.
    """

    def __init__(self, application: Any, answered: Answered | None = None, adds: Collection[str] = ()) -> None:
        self.application = application
        self.answered = answered
        self.unlearnt = OF_THE_ANSWER | {name.lower() for name in adds}

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if not _is_worth_it() or environ["REQUEST_METHOD"] != "GET" or any(map(environ.get, PERSONAL)):
            return self._pass_on(environ, start_response)
        begin = time.perf_counter()
        url = _url(environ)
        ready: Ready | None = _ready.peek(url)
        if ready is None:
            return self._learn(url, environ, start_response)
        found = _look(environ, ready.kept)
        if found is None:
            return self._pass_on(environ, start_response)
        answer, usages = found
        headers = {"ETag": answer.etag, **tightest_headers(usages)}
        tags = environ.get("HTTP_IF_NONE_MATCH")
        if tags is not None and matches(tags, answer.etag):
            status, same, body = HTTPStatus.NOT_MODIFIED, ready.headers_of_304, []
        else:
            status, same, body = HTTPStatus.OK, ready.headers, [answer.body]
            headers["Content-Length"] = str(len(answer.body))
        if self.answered is not None:
            seconds = time.perf_counter() - begin
            headers.update(self.answered(EarlyRead(environ, ready.path, ready.route, status.value, seconds)))
        start_response(f"{status.value} {status.phrase}", [*same, *headers.items()])
        return body

    def _pass_on(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        result: Iterable[bytes] = self.application(environ, start_response)
        return result

    def _learn(self, url: Any, environ: Environ, start_response: Any) -> Iterable[bytes]:
        sent: Headers = []

        def start(status: str, headers: Headers, *exc_info: Any) -> Any:
            sent[:] = headers
            return start_response(status, headers, *exc_info)

        result: Any = self._pass_on(environ, start)
        passed: Passed | None = environ.get(PASSED)
        if passed is not None and getattr(result, "content", None) == passed.body:
            same = [(name, value) for name, value in sent if name.lower() not in self.unlearnt]
            if sorted(same) == sorted({**passed.known.headers, **passed.added}.items()):
                of_304 = [(name, value) for name, value in same if name in (*NOT_MODIFIED_HEADERS, *passed.added)]
                _ready.put(url, Ready(passed.known.kept, passed.path, passed.known.match.route, same, of_304))
        return result  # type: ignore[no-any-return]


@functools.cache
def _is_worth_it() -> bool:
    """Whether there is such a Redis at all."""
    cache = leases.shared_cache()
    return cache is not None and cache is limits.shared_cache() and redis_client(cache) is not None


class _Anybody:
    """What the limits ask of a request that has no user."""

    __slots__ = ("META",)

    def __init__(self, environ: Environ) -> None:
        self.META = environ


def _look(environ: Environ, kept: Kept) -> tuple[Answer, list[Usage]] | None:
    """The right answer and the limits that the request was counted against; ``None`` where it has to be Django's."""
    cache = leases.readable_cache()
    found = count_and_read(kept.limits, _Anybody(environ), cache, kept.places)
    if found is None:
        return None
    usages, seen = found
    answer = response_cache.judge(cache, kept.places, seen)
    if answer is None or any(usage.exceeded for usage in usages):
        environ[COUNTED] = usages
        return None
    return answer, usages


def _url(environ: Environ) -> tuple[Any, ...]:
    """All that tells one URL from another."""
    proxy = settings.SECURE_PROXY_SSL_HEADER
    return (
        environ["wsgi.url_scheme"],
        proxy and environ.get(proxy[0]),
        *map(environ.get, SITE),
        environ.get("PATH_INFO"),
        environ.get("QUERY_STRING"),
    )
