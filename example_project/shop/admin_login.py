"""The Django admin's log-in, under the same limits as the API's."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from django_shopcore.accounts import attempts
from django_shopcore.accounts.limits import LOGIN
from django_shopcore.core.limits import RateLimited, client_key, enforce, take_back


def login(request: HttpRequest) -> HttpResponseBase:
    """Django's own view; 429 with ``Retry-After`` when a client, or whoever tries an account, does so too often."""
    if request.method != "POST":
        return admin.site.login(request)
    try:
        # By the network also for somebody who is signed in already, and tries another account.
        enforce([LOGIN], request, client_key(request))
        attempt = attempts.count(request, request.POST.get("username", ""))
    except RateLimited as exc:
        text = f"Too many attempts. Try again in {exc.usage.seconds_left} seconds.\n"
        headers = {"Retry-After": str(exc.usage.seconds_left), **exc.usage.headers()}
        return HttpResponse(text, status=429, content_type="text/plain; charset=utf-8", headers=headers)
    response = admin.site.login(request)
    if response.status_code == 302:  # the form comes again for a wrong password
        take_back(attempt)
    return response
