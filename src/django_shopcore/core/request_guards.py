"""What is looked at in a request before anybody asks what it wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError


def check_query_string(meta: Mapping[str, Any]) -> None:
    """Raises 400 for a query string that is no text."""
    query: str = meta.get("QUERY_STRING", "")
    if "%" not in query and query.isascii():
        return
    # WSGI hands over bytes as Latin-1 text (PEP 3333); under ASGI Django has decoded them already.
    encoding = "latin-1" if "wsgi.input" in meta else "utf-8"
    try:
        decoded = unquote_to_bytes(query.encode(encoding, "ignore")).decode()
    except UnicodeDecodeError:
        raise ParseError(_("The query string is not UTF-8."), code="invalid_text") from None
    if "\x00" in decoded:
        raise ParseError(_("Text must not contain NUL characters."), code="invalid_text")


def refuse_unread(meta: Mapping[str, Any]) -> None:
    """Raises 400 for a body of unknown length (RFC 9112, 7.1): Django takes it for none, and nothing would be said."""
    if "HTTP_TRANSFER_ENCODING" in meta and not meta.get("CONTENT_LENGTH"):
        raise ParseError(_("The request needs a Content-Length."), code="length_required")
