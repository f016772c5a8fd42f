from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from django_shopcore.core.users import email_column, fresh_users

from . import services
from .models import Passkey, TotpDevice


class FactorAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Who has which second factor. Nothing is written here but the reset, and no secret is shown."""

    list_select_related = ("user",)
    actions = ("reset_second_factor",)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return (f"user__{email_column()}",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not on these pages; with a user the rows may go."""
        match = request.resolver_match
        here = match is not None and str(match.url_name).startswith(f"{self.opts.app_label}_")
        return not here and super().has_delete_permission(request, obj)

    def has_reset_permission(self, request: HttpRequest) -> bool:
        """Whoever may change these rows, in the sense of Django's permissions, may reset them."""
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    @admin.action(description=_("Remove every second factor of these users"), permissions=["reset"])
    def reset_second_factor(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        users = fresh_users().filter(pk__in=list(queryset.values_list("user_id", flat=True)))
        count = sum(services.reset(user) for user in users)
        text = ngettext(
            "The second factor of %(count)d user was removed.",
            "The second factors of %(count)d users were removed.",
            count,
        )
        self.message_user(request, text % {"count": count}, messages.SUCCESS)


@admin.register(TotpDevice)
class TotpDeviceAdmin(FactorAdmin):
    list_display = ("user", "enabled_at", "last_used_at")
    ordering = ("-enabled_at",)
    fields = ("user", "enabled_at", "last_used_at")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return super().get_queryset(request).exclude(secret="")


@admin.register(Passkey)
class PasskeyAdmin(FactorAdmin):
    list_display = ("user", "name", "created_at", "last_used_at")
    ordering = ("-created_at",)
    fields = ("user", "name", "created_at", "last_used_at")
