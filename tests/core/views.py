"""Views of a site under test, beside those of the features: right ones and wrong ones."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from django_shopcore.core.access import ADMIN, ANYONE, SIGNED_IN
from django_shopcore.core.views import ShopcoreView


class OpenView(ShopcoreView):
    access = {"get": ANYONE, "post": SIGNED_IN, "delete": ADMIN}

    def get(self, request: Request) -> Response:
        return Response({"answer": "get"})

    def post(self, request: Request) -> Response:
        return Response({"answer": request.data})

    def delete(self, request: Request) -> Response:
        return Response(status=204)


class UnguardedView(ShopcoreView):
    """Declares no policy at all."""

    def get(self, request: Request) -> Response:
        return Response({"secret": True})


class HalfGuardedViewSet(ShopcoreView, ViewSet):
    """Declares one for reading and forgets the other."""

    access = {"list": ANYONE}

    def list(self, request: Request) -> Response:
        return Response([])

    def create(self, request: Request) -> Response:
        return Response({"secret": True}, status=201)


class CarelessView(UnguardedView):
    """Lost the base's check on the way."""

    def check_permissions(self, request: Request) -> None:
        return


class RaisingView(ShopcoreView):
    """Raises what the test wants."""

    access = {"get": ANYONE}
    error: Exception = AssertionError("nothing to raise")

    def get(self, request: Request) -> Response:
        raise self.error


def foreign(request: Any) -> HttpResponse:
    """A view of the host, which none of our guards may judge."""
    return HttpResponse("the host's")


urlpatterns = [
    path("open/", OpenView.as_view()),
    path("unguarded/", UnguardedView.as_view()),
    path("half-guarded/", HalfGuardedViewSet.as_view({"get": "list", "post": "create"})),
    path("careless/", CarelessView.as_view()),
    path("raising/", RaisingView.as_view()),
    path("foreign/", foreign),
]
