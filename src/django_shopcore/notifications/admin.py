"""The outbox and what people are told, in the Django admin: mostly to look at."""

from __future__ import annotations

import json
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from django_shopcore.core.admin_pages import BoundedPaginator
from django_shopcore.core.users import email_column, email_of

from . import outbox
from .channels import channel_names
from .kinds import kinds
from .models import DigestEntry, Notification, OptOut, OutboxMessage, Preferences

SHORT_ERROR = 80
SEND_AGAIN = "_send_again"


class KindFilter(admin.SimpleListFilter):
    """Django's own filter would look for the distinct values in the whole table."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(kind.name, kind.name) for kind in kinds()]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class ChannelFilter(admin.SimpleListFilter):
    title = _("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, name) for name in channel_names()]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(channel=self.value()) if self.value() else queryset


class WhoseFilter(admin.SimpleListFilter):
    title = _("recipient")
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("mine", _("My own"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(user=request.user.pk) if self.value() == "mine" else queryset


class PipelineAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that the pipeline writes. Nobody makes or changes one here; deleting takes Django's permission.

    The tables may be large: no page counts, sorts or collects the values of all rows.
    """

    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_select_related = ("user",)
    ordering = ("-pk",)
    # What may be searched besides the address of the user.
    search_more: tuple[str, ...] = ()

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return (f"user__{email_column()}", *self.search_more)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def may_act(self, request: HttpRequest) -> bool:
        """Whether the user has Django's permission to change these rows, which is asked for by actions."""
        return super().has_change_permission(request)

    @admin.display(description=_("created"), ordering="pk")
    def created(self, row: Any) -> Any:
        return row.created_at

    @admin.display(description=_("data"))
    def pretty_data(self, row: Any) -> str:
        return pretty(row.data)


def pretty(document: Any) -> str:
    return format_html('<pre dir="ltr">{}</pre>', json.dumps(document, indent=2, ensure_ascii=False))


@admin.register(OutboxMessage)
class OutboxAdmin(PipelineAdmin):
    list_display = (
        "kind", "recipient", "channel", "state", "attempts", "short_error", "created", "available_at", "finished_at",
    )  # fmt: skip
    sortable_by = ("created", "finished_at")
    list_filter = ("state", KindFilter, ChannelFilter, "created_at")
    search_more = ("address", "dedupe_key")
    search_help_text = _("Address, or key of the message")
    fields = (
        "kind", "channel", "user", "address", "pretty_data", "state", "attempts", "last_error", "created_at",
        "queued_at", "available_at", "finished_at", "lease", "dedupe_key", "message_uuid",
    )  # fmt: skip
    readonly_fields = ("pretty_data", "message_uuid")
    actions = ("send_again",)
    change_form_template = "admin/shopcore_notifications/outbox_change_form.html"

    @admin.display(description=_("recipient"))
    def recipient(self, row: OutboxMessage) -> str:
        return row.address or (email_of(row.user) or str(row.user) if row.user is not None else "")

    @admin.display(description=_("last error"))
    def short_error(self, row: OutboxMessage) -> str:
        return Truncator(row.last_error).chars(SHORT_ERROR)

    def has_send_permission(self, request: HttpRequest) -> bool:
        return self.may_act(request)

    @admin.action(description=_("Send again"), permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        chosen = queryset.count()
        count = outbox.send_again(queryset)
        if count:
            text = ngettext(
                "%(count)d message was put at the head of the queue.",
                "%(count)d messages were put at the head of the queue.",
                count,
            )
            self.message_user(request, text % {"count": count}, messages.SUCCESS)
        if left := chosen - count:
            text = ngettext(
                "%(count)d message was left: it is delivered already, or just being delivered.",
                "%(count)d messages were left: they are delivered already, or just being delivered.",
                left,
            )
            self.message_user(request, text % {"count": left}, messages.WARNING)

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        may_send = self.has_send_permission(request)
        if object_id and may_send and request.method == "POST" and SEND_AGAIN in request.POST:
            row = self.get_object(request, object_id)
            if row is None:
                raise Http404
            self.send_again(request, self.get_queryset(request).filter(pk=row.pk))
            return HttpResponseRedirect(request.get_full_path())
        context = {"send_again": SEND_AGAIN if may_send else "", **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)


@admin.register(Notification)
class NotificationAdmin(PipelineAdmin):
    """Everybody's inbox. Only whether a line was seen can be changed."""

    list_display = ("message", "kind", "user", "seen", "created")
    sortable_by = ("created",)
    list_filter = ("seen", WhoseFilter, KindFilter)
    fields = ("user", "kind", "message", "pretty_data", "created_at", "seen")
    readonly_fields = ("user", "kind", "message", "pretty_data", "created_at")
    actions = ("mark_seen", "mark_unseen")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_act(request)

    @admin.action(description=_("Mark as seen"), permissions=["change"])
    def mark_seen(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        self._mark(request, queryset, seen=True)

    @admin.action(description=_("Mark as not seen"), permissions=["change"])
    def mark_unseen(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        self._mark(request, queryset, seen=False)

    def _mark(self, request: HttpRequest, queryset: models.QuerySet[Any], *, seen: bool) -> None:
        count = queryset.filter(seen=not seen).update(seen=seen)
        text = ngettext("%(count)d notification was changed.", "%(count)d notifications were changed.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)


@admin.register(DigestEntry)
class DigestEntryAdmin(PipelineAdmin):
    list_display = ("kind", "user", "frequency", "due_at", "created")
    sortable_by = ("created", "due_at")
    list_filter = ("frequency", KindFilter)
    fields = ("user", "kind", "pretty_data", "frequency", "due_at", "created_at")
    readonly_fields = ("pretty_data",)


@admin.register(Preferences)
class PreferencesAdmin(PipelineAdmin):
    """Deleting a row takes its user back to the defaults."""

    list_display = ("user", "time_zone", "language")
    sortable_by = ()
    fields = ("user", "pretty_kinds", "time_zone", "language")
    readonly_fields = ("pretty_kinds",)

    @admin.display(description=_("kinds"))
    def pretty_kinds(self, row: Preferences) -> str:
        return pretty(row.kinds)


class OptOutForm(forms.ModelForm):  # type: ignore[type-arg]
    """Of a new opt-out. The pipeline compares addresses in small letters."""

    address = forms.EmailField(label=_("address"), max_length=254)
    kind = forms.ChoiceField(label=_("kind"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields:
            choices = [(kind.name, kind.title) for kind in kinds() if not kind.security]
            cast(forms.ChoiceField, self.fields["kind"]).choices = choices

    def clean_address(self) -> str:
        return str(self.cleaned_data["address"]).lower()


@admin.register(OptOut)
class OptOutAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = OptOutForm
    list_display = ("address", "kind", "created_at")
    list_filter = (KindFilter,)
    search_fields = ("address",)
    search_help_text = _("Address")
    ordering = ("address", "kind")
    fields = ("address", "kind")
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
