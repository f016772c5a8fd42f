"""The guard in front of request bodies: size, depth and hostile text are refused before anything else looks."""

from __future__ import annotations

import json
import math
from typing import IO, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from .conf import core_settings
from .errors import ContentTooLarge


def read_limited(stream: IO[bytes], limit: int, length: str | None) -> bytes:
    """The whole of ``stream``, at most ``limit`` bytes; raises ``ContentTooLarge`` above.

    ``length`` is the declared Content-Length: with it a too long body is refused unread.
    """
    if length and length.isascii() and length.isdigit() and int(length[:20]) > limit:
        raise ContentTooLarge()
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise ContentTooLarge()
    return body


def _finite(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        raise ParseError(_("Numbers must be finite."), code="invalid_number")
    return number


def _no_constant(literal: str) -> float:
    raise ParseError(_("%(literal)s is not JSON.") % {"literal": literal}, code="invalid_number")


def check_text(value: str) -> None:
    """Raises ``ParseError`` for NUL (PostgreSQL cannot store it) and lone surrogates (UTF-8 cannot)."""
    if "\x00" in value:
        raise ParseError(_("Text must not contain NUL characters."), code="invalid_text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ParseError(_("Text must be valid Unicode."), code="invalid_text") from None


def check_document(document: Any, max_depth: int) -> None:
    """Raises ``ParseError`` when a parsed JSON document nests too deep or holds hostile text."""
    level = [document]
    depth = 0
    while level:
        children: list[Any] = []
        containers = False
        for value in level:
            if isinstance(value, str):
                check_text(value)
            elif isinstance(value, dict):
                containers = True
                for key in value:
                    check_text(key)
                children.extend(value.values())
            elif isinstance(value, list):
                containers = True
                children.extend(value)
        depth += containers
        if depth > max_depth:
            raise ParseError(_too_deep(max_depth), code="too_deep")
        level = children


def _too_deep(max_depth: int) -> str:
    text = ngettext(
        "JSON must not be nested deeper than %(depth)d level.",
        "JSON must not be nested deeper than %(depth)d levels.",
        max_depth,
    )
    return text % {"depth": max_depth}


class GuardedJSONParser(BaseParser):
    """JSON in UTF-8 of bounded size and depth, with finite numbers and storable text only."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Returns the document. Raises ``ParseError`` (400) or ``ContentTooLarge`` (413)."""
        request = (parser_context or {}).get("request")
        length = request.META.get("CONTENT_LENGTH") if request is not None else None
        body = read_limited(stream, core_settings.MAX_JSON_BODY, length)
        max_depth = core_settings.MAX_JSON_DEPTH
        try:
            document = json.loads(body.decode("utf-8-sig"), parse_float=_finite, parse_constant=_no_constant)
        except RecursionError:
            raise ParseError(_too_deep(max_depth), code="too_deep") from None
        except UnicodeDecodeError:
            raise ParseError(_("The body is not UTF-8."), code="invalid_text") from None
        except ValueError as exc:
            raise ParseError(_("The body is not JSON: %(error)s") % {"error": exc}) from None
        check_document(document, max_depth)
        return document
