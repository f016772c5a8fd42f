from __future__ import annotations

import ipaddress
import json
from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from django_shopcore.core.admin_pages import BoundedPaginator
from django_shopcore.core.users import email_column, fresh_users

from .models import AuditEntry

MAX_PEOPLE = 10  # with one address


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The log, to look at. Nobody writes here, superusers neither.

    The table may be large: no page counts, sorts or collects the values of all rows.
    """

    list_display = ("created_at", "action", "actor", "object_type", "object_title", "ip_address")
    list_filter = ("created_at",)
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-created_at", "-pk")
    sortable_by = ("created_at",)
    search_fields = ("action", "actor_key", "object_key", "ip_address")
    search_help_text = _("Action, user's address or key, object's key or IP address; each in full")
    fields = (
        "created_at", "action", "actor", "actor_key", "object_title", "object_type", "object_key", "pretty_changes",
        "pretty_data", "ip_address", "user_agent", "request_id",
    )  # fmt: skip
    readonly_fields = ("pretty_changes", "pretty_data")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Whole values only, each by an index."""
        text = search_term.strip()
        if not text:
            return queryset, False
        people = fresh_users().filter(**{f"{email_column()}__iexact": text}).values_list("pk", flat=True)
        found = (
            Q(action=text) | Q(object_key=text) | Q(actor_key__in=[text, *(str(key) for key in people[:MAX_PEOPLE])])
        )
        with suppress(ValueError):
            found |= Q(ip_address=str(ipaddress.ip_address(text)))
        return queryset.filter(found), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("changes"))
    def pretty_changes(self, entry: AuditEntry) -> str:
        return _pretty(entry.changes)

    @admin.display(description=_("data"))
    def pretty_data(self, entry: AuditEntry) -> str:
        return _pretty(entry.data)


def _pretty(document: Any) -> str:
    return format_html('<pre dir="ltr">{}</pre>', json.dumps(document, indent=2, ensure_ascii=False))
