"""What is looked at in a request before anybody asks what it wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from django.http import QueryDict
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError


def check_query_string(request: Any) -> None:
    """Raises 400 for a query string that is no text, and has it read as UTF-8.

    Django reads it in the encoding that a request names for its body, which is no part of the address: caches would
    show one's answer to others.
    """
    plain = getattr(request, "_request", request)
    query: str = plain.META.get("QUERY_STRING", "")
    # WSGI hands over bytes as Latin-1 text (PEP 3333); under ASGI Django has decoded them already.
    under_wsgi = "wsgi.input" in plain.META
    raw = query.encode("latin-1" if under_wsgi else "utf-8", "ignore")
    if under_wsgi and plain.encoding is not None:
        plain.GET = QueryDict(raw, encoding="utf-8")
    if "%" not in query and query.isascii():
        return
    try:
        decoded = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise ParseError(_("The query string is not UTF-8."), code="invalid_text") from None
    if "\x00" in decoded:
        raise ParseError(_("Text must not contain NUL characters."), code="invalid_text")


def refuse_unread(meta: Mapping[str, Any]) -> None:
    """Raises 400 for a body of unknown length (RFC 9112, 7.1): Django takes it for none, and nothing would be said."""
    if "HTTP_TRANSFER_ENCODING" in meta and not meta.get("CONTENT_LENGTH"):
        raise ParseError(_("The request needs a Content-Length."), code="length_required")
