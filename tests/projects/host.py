"""What the host of the test projects does itself: one view of its own, and an answer to errors in it."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response:
    return Response({"handled_by": "the host", "error": type(exc).__name__}, status=418)


class HostView(APIView):
    """Raises, for whoever asks."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []
    versioning_class = None
    renderer_classes = [JSONRenderer]

    def get(self, request: Request) -> Response:
        raise NotFound()
