"""The Django admin's log-in, under the same limit as the API's."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from django_shopcore.accounts.limits import LOGIN
from django_shopcore.core.limits import RateLimited, enforce


def login(request: HttpRequest) -> HttpResponseBase:
    """Django's own view; 429 with ``Retry-After`` when a client tries too often."""
    if request.method == "POST":
        try:
            enforce([LOGIN], request)
        except RateLimited as exc:
            text = f"Too many attempts. Try again in {exc.usage.seconds_left} seconds.\n"
            headers = {"Retry-After": str(exc.usage.seconds_left)}
            return HttpResponse(text, status=429, content_type="text/plain; charset=utf-8", headers=headers)
    return admin.site.login(request)
