"""The API's description and the two pages that show it. Nothing in them comes from another site."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response

REDOC_POLICY = {
    # ReDoc makes empty <style> elements, which it then fills through the CSSOM: allowed is the hash of the empty
    # text, and with it no other inline style; the second hash is its bundle's one fixed style, for the scroll bar.
    "style-src": "'self'"
    " 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    " 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
    # Its search runs in a worker, made from a text of its own.
    "worker-src": "blob:",
}


@cache
def _schema() -> Any:
    # The same for everybody, so a process makes it once: anybody may ask, and it is work.
    return SchemaView.generator_class().get_schema(public=True)


class SchemaView(SpectacularAPIView):
    """OpenAPI 3.1 as YAML or JSON, by ``Accept`` or ``?format=``."""

    def _get_schema_response(self, request: Request) -> Response:
        return Response(_schema())


@require_safe
def swagger(request: HttpRequest) -> HttpResponse:
    return render(request, "shop/swagger.html")


@require_safe
def redoc(request: HttpRequest) -> HttpResponse:
    response = render(request, "shop/redoc.html")
    response.csp = REDOC_POLICY  # type: ignore[attr-defined]
    return response
