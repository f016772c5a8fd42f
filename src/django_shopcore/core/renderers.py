from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from .json import dumps


class StrictJSONRenderer(JSONRenderer):
    """UTF-8 JSON whatever the host's ``COMPACT_JSON``, ``UNICODE_JSON`` and ``STRICT_JSON`` say."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else dumps(data)


class JSONOnly(DefaultContentNegotiation):
    """Answers in the view's first renderer whatever ``Accept`` or ``?format=`` say; 415 for other bodies."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type or ""
