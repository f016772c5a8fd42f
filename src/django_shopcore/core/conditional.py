"""Conditional requests (RFC 9110, section 13)."""

from __future__ import annotations

import functools
import hashlib
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.encoding import force_bytes
from django.utils.http import parse_etags
from rest_framework.request import Request

from .errors import PreconditionFailed
from .json import dumps

# Those of an answer that a 304 has too (RFC 9110, 15.4.5), and the state of the limits.
NOT_MODIFIED_HEADERS = ("ETag", "Cache-Control", "Vary", "RateLimit", "RateLimit-Policy")


def digest(content: bytes) -> str:
    """A strong entity tag for ``content``, with its quotes."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def object_tag(representation: Any) -> str:
    """The tag of one object, of its complete representation, so it is the same for every caller.

    It depends on ``SECRET_KEY``: with a plain digest a caller who sees a part could try values for the rest.
    """
    tag = _keyed(settings.SECRET_KEY).copy()
    tag.update(dumps(representation, sort_keys=True))
    return f'"{tag.hexdigest()}"'


@functools.lru_cache(maxsize=8)
def _keyed(secret: str | bytes) -> hashlib.blake2b:
    """A MAC by itself (RFC 7693, section 2.9)."""
    key = hashlib.sha256(b"django_shopcore.core.conditional" + force_bytes(secret)).digest()
    return hashlib.blake2b(digest_size=16, key=key)


def matches(header: str, tag: str) -> bool:
    """Whether an ``If-None-Match`` header names ``tag``, that of an answer there is (``*`` names any such)."""
    return "*" in parse_etags(header) or names(header, tag)


def names(header: str, tag: str) -> bool:
    """The same for the tag of an answer that may turn out to be none, an error for one: ``*`` does not name it."""
    return tag in [candidate.removeprefix("W/") for candidate in parse_etags(header)]


def require_match(request: Request, tag: str) -> None:
    """Raises ``PreconditionFailed`` (412) when the request's ``If-Match`` does not name ``tag``.

    The comparison is strong (RFC 9110, 13.1.1): a weak tag never matches.
    """
    header = request.META.get("HTTP_IF_MATCH")
    if header is None:
        return
    tags = parse_etags(header)
    if "*" not in tags and tag not in tags:
        raise PreconditionFailed()


def not_modified(request: HttpRequest | Request, response: HttpResponseBase) -> HttpResponseBase:
    """``response``, or a 304 with its validators when the client already has it."""
    header = request.META.get("HTTP_IF_NONE_MATCH")
    if header is None or request.method not in ("GET", "HEAD") or response.status_code != 200:
        return response
    if not matches(header, response["ETag"]):
        return response
    unchanged = HttpResponseNotModified()
    for name in NOT_MODIFIED_HEADERS:
        if name in response:
            unchanged[name] = response[name]
    return unchanged
