"""Django's admin site behind the second factor.

A site of one's own takes the mixin, and the form where it has a log-in of its own::

    class ShopAdminSite(MfaAdminSiteMixin, AdminSite): ...
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from . import factors, verification
from .admin_forms import MfaAdminAuthenticationForm
from .conf import app_settings


class MfaAdminSiteMixin:
    """Lets in who has shown a second factor in this session, or has none and needs none."""

    login_form: Any = MfaAdminAuthenticationForm
    login_template: Any = "shopcore/mfa/admin_login.html"

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_permission(request)) and self.has_second_factor(request)  # type: ignore[misc]

    has_permission.refuses_more = True  # type: ignore[attr-defined]

    def has_second_factor(self, request: HttpRequest) -> bool:
        """Whether the session has what the account needs besides the password. Asked once in a request."""
        known: dict[Any, bool] = request.__dict__.setdefault("_shopcore_mfa_known", {})
        user: Any = request.user
        if user.pk not in known:
            if factors.enrolled_since(user) is None:
                known[user.pk] = not app_settings.REQUIRED_FOR_ADMINS
            else:
                known[user.pk] = verification.has_mark(request, user)
        return known[user.pk]


class MfaAdminSite(MfaAdminSiteMixin, AdminSite):
    pass
