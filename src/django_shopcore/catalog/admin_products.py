"""Products in the admin: a list to work in, bulk actions, import and export."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from django_shopcore.core import changes
from django_shopcore.core.locking import lock_rows

from . import signals
from .admin_base import CatalogAdmin
from .admin_forms import ProductForm
from .admin_import import ImportExportAdmin
from .admin_tree import CategoryFilter

BATCH = 1000


class ProductChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # Only of the rows on the page: actions and exports want whole products.
        model_admin: Any = self.model_admin
        self.result_list = self.result_list.defer(*model_admin.list_deferred)


class BaseProductAdmin(CatalogAdmin):
    """The admin page of the site's product model, without import and export."""

    form = ProductForm
    plural = "products"
    events = {
        "created": signals.products_created,
        "updated": signals.products_updated,
        "deleted": signals.products_deleted,
    }
    list_display = ["name", "price", "in_stock", "is_published", "category", "sku", "updated_at"]
    list_editable = ["price", "in_stock"]
    list_filter = ["in_stock", "is_published", CategoryFilter]
    list_select_related = ["category"]
    # What the list does not show and need not load; leave out what a column of yours reads.
    list_deferred: ClassVar[list[str]] = [
        "description",
        "metadata",
        "private_metadata",
        "category__metadata",
        "category__private_metadata",
    ]
    search_fields = ["name", "slug", "sku"]
    ordering = ["-created_at", "-pk"]
    autocomplete_fields = ["category"]
    readonly_fields = ["currency", "created_at", "updated_at"]
    actions = ["publish", "unpublish", "put_in_stock", "take_out_of_stock"]
    layout = [
        (None, {"fields": ["name", "slug", "sku", "category", "description", "image_url"]}),
        (_("Price"), {"fields": ["price", "compare_at_price", "currency"]}),
        (_("Availability"), {"fields": ["in_stock", "is_published"]}),
    ]
    layout_end = [
        (_("Metadata"), {"fields": ["metadata", "private_metadata"], "classes": ["collapse"]}),
        (_("History"), {"fields": ["created_at", "updated_at"]}),
    ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ProductChangeList

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        # An input as wide as those of the admin's form pushes the other columns off the page.
        widgets = {"price": forms.TextInput(attrs={"size": 9, "inputmode": "decimal"})}
        return super().get_changelist_form(request, **{"form": self.form, "widgets": widgets, **kwargs})

    @admin.action(permissions=["change"], description=_("Publish selected %(verbose_name_plural)s"))
    def publish(self, request: HttpRequest, queryset: Any) -> None:
        self.switch(request, queryset, "is_published", True)

    @admin.action(permissions=["change"], description=_("Unpublish selected %(verbose_name_plural)s"))
    def unpublish(self, request: HttpRequest, queryset: Any) -> None:
        self.switch(request, queryset, "is_published", False)

    @admin.action(permissions=["change"], description=_("Mark selected %(verbose_name_plural)s as in stock"))
    def put_in_stock(self, request: HttpRequest, queryset: Any) -> None:
        self.switch(request, queryset, "in_stock", True)

    @admin.action(permissions=["change"], description=_("Mark selected %(verbose_name_plural)s as out of stock"))
    def take_out_of_stock(self, request: HttpRequest, queryset: Any) -> None:
        self.switch(request, queryset, "in_stock", False)

    def switch(self, request: HttpRequest, queryset: Any, field: str, value: bool) -> None:
        """Sets ``field`` of the products that have the other value, and says how many there were."""
        manager = self.model._default_manager
        found = lock_rows(manager.filter(pk__in=queryset.order_by().values("pk")))
        rows = [row for row in found if getattr(row, field) != value]
        changes.remember(rows)
        now = timezone.now()
        for start in range(0, len(rows), BATCH):
            keys = [row.pk for row in rows[start : start + BATCH]]
            manager.filter(pk__in=keys).update(**{field: value}, updated_at=now)
        for row in rows:
            setattr(row, field, value)
            row.updated_at = now
        self.announce(request, "updated", rows)
        column: Any = self.opts.get_field(field)
        told = [{"changed": {"fields": [str(column.verbose_name)]}}]
        LogEntry.objects.log_actions(request.user.pk, rows, CHANGE, told)  # type: ignore[arg-type]
        self.message_user(request, self._told(len(rows), len(found) - len(rows)), messages.SUCCESS)

    def _told(self, changed: int, others: int) -> str:
        message = ngettext("%(count)d product was changed.", "%(count)d products were changed.", changed)
        message %= {"count": changed}
        if others:
            unchanged = ngettext("%(count)d was so already.", "%(count)d were so already.", others)
            message += " " + unchanged % {"count": others}
        return message


class ProductAdmin(ImportExportAdmin, BaseProductAdmin):
    """The admin page of the site's product model."""

    actions = [*BaseProductAdmin.actions, "export_selected"]
