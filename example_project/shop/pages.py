"""Django's middleware for pages, which the API has no use for: it knows callers by their token alone."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.deprecation import MiddlewareMixin

API = "/api/v1/"


class PagesOnly(MiddlewareMixin):
    """Passes by what is asked of the API."""

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request) if request.path.startswith(API) else super().__call__(request)


class Sessions(PagesOnly, SessionMiddleware):
    pass


class Csrf(PagesOnly, CsrfViewMiddleware):
    def process_view(self, request: HttpRequest, *args: Any) -> Any:
        return None if request.path.startswith(API) else super().process_view(request, *args)


class Authentication(PagesOnly, AuthenticationMiddleware):
    pass


class Messages(PagesOnly, MessageMiddleware):
    pass
