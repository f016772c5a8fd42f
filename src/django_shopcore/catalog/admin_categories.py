"""Categories in the admin: the tree as paths, and only empty ones to delete."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from . import get_product_model, services, signals
from .admin_base import CatalogAdmin
from .admin_forms import CategoryForm
from .admin_tree import BranchFilter, CategoryPathView, name_paths

# Of what keeps a category from being deleted, so many are named.
MAX_NAMED = 10


class CategoryChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        name_paths(self.result_list)


class CategoryAdmin(CatalogAdmin):
    """The admin page of the site's category model."""

    form = CategoryForm
    plural = "categories"
    events = {
        "created": signals.categories_created,
        "updated": signals.categories_updated,
        "deleted": signals.categories_deleted,
    }
    list_display = ["path", "slug", "products", "created_at"]
    list_filter = [BranchFilter]
    search_fields = ["name", "slug"]
    ordering = ["name", "pk"]
    autocomplete_fields = ["parent"]
    readonly_fields = ["created_at"]
    layout = [(None, {"fields": ["name", "slug", "parent"]})]
    layout_end = [
        (_("Metadata"), {"fields": ["metadata", "private_metadata"], "classes": ["collapse"]}),
        (_("History"), {"fields": ["created_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> Any:
        products = get_product_model()._default_manager.filter(category=OuterRef("pk")).order_by()
        counts = products.values("category").annotate(number=Count("pk")).values("number")
        queryset = super().get_queryset(request)
        return queryset.annotate(product_count=Coalesce(Subquery(counts), 0))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CategoryChangeList

    def get_urls(self) -> list[Any]:
        meta = self.opts
        view = self.admin_site.admin_view(CategoryPathView.as_view(admin_site=self.admin_site))
        return [path("paths/", view, name=f"{meta.app_label}_{meta.model_name}_paths"), *super().get_urls()]

    @admin.display(description=_("category"), ordering="name")
    def path(self, category: Any) -> str:
        return str(getattr(category, "tree_path", category))

    @admin.display(description=_("products"), ordering="product_count")
    def products(self, category: Any) -> Any:
        """The number directly in the category, as a link to them."""
        model = get_product_model()
        if not category.product_count or not self.admin_site.is_registered(model):
            return category.product_count
        url = reverse(f"{self.admin_site.name}:{model._meta.app_label}_{model._meta.model_name}_changelist")
        key = f"category__{category._meta.pk.name}__exact"
        return format_html('<a href="{}?{}={}">{}</a>', url, key, str(category.pk), category.product_count)

    def take_locks(self, request: HttpRequest) -> None:
        services.lock_tree()

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Names some of what is in the categories instead of loading all their products."""
        keys = [category.pk for category in objs]
        inside = [
            self.model._default_manager.filter(parent__in=keys).exclude(pk__in=keys),
            get_product_model()._default_manager.filter(category__in=keys),
        ]
        protected = [line for queryset in inside for line in _named(queryset.order_by("name"))]
        if not protected:
            return super().get_deleted_objects(objs, request)
        return [], {}, set(), protected


def _named(queryset: Any) -> list[str]:
    names = [f"{capfirst(queryset.model._meta.verbose_name)}: {row}" for row in queryset.only("name")[:MAX_NAMED]]
    more = queryset.count() - len(names) if len(names) == MAX_NAMED else 0
    if more > 0:
        meta = queryset.model._meta
        noun = meta.verbose_name if more == 1 else meta.verbose_name_plural
        # The noun stays outside: in other languages its gender and its case would change the words around it.
        others = ngettext("and %(counter)s more", "and %(counter)s more", more) % {"counter": more}
        names.append(f"{capfirst(noun)}: {others}")
    return names
