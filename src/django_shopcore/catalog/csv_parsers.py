"""Request bodies that are files: bounded before and while they are read, and never held in memory."""

from __future__ import annotations

import tempfile
from typing import IO, Any

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.utils.mediatypes import _MediaType

from django_shopcore.core.errors import ContentTooLarge

from .conf import app_settings

PIECE = 64 * 1024
# What a multipart body holds beside the file.
ENVELOPE = 64 * 1024
UTF_8 = ("", "utf-8", "utf8", "us-ascii")


def refuse_too_long(parser_context: Any, limit: int) -> None:
    """Raises ``ContentTooLarge`` (413) when the declared Content-Length is above ``limit``: the body stays unread."""
    request = (parser_context or {}).get("request")
    length = str(request.META.get("CONTENT_LENGTH") or "") if request is not None else ""
    if length.isascii() and length.isdigit() and int(length[:20]) > limit:
        raise ContentTooLarge()


class CSVParser(BaseParser):
    """A CSV file as the whole body: ``{"file": a binary file}``, which the caller closes."""

    media_type = "text/csv"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, IO[bytes]]:
        """Raises ``ContentTooLarge`` (413), and ``UnsupportedMediaType`` (415) for a charset other than UTF-8."""
        charset = _MediaType(media_type or "").params.get("charset", "")
        if charset.strip("\"'").lower() not in UTF_8:
            raise UnsupportedMediaType(media_type or "")
        limit = app_settings.MAX_IMPORT_BYTES
        refuse_too_long(parser_context, limit)
        file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=1024 * 1024)  # noqa: SIM115 - the caller closes it
        while piece := stream.read(PIECE):
            file.write(piece)
            if file.tell() > limit:
                file.close()
                raise ContentTooLarge()
        file.seek(0)
        return {"file": file}


class UploadParser(MultiPartParser):
    """A multipart body not much longer than the file it may hold."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Raises ``ContentTooLarge`` (413)."""
        refuse_too_long(parser_context, app_settings.MAX_IMPORT_BYTES + ENVELOPE)
        return super().parse(stream, media_type, parser_context)
