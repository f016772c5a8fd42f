"""Categories by their paths in the admin: in lists, in choices and as a filter, each in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.admin.widgets import AutocompleteSelect
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_shopcore.core.keys import parse_key

from . import get_category_model
from .csv_format import join_path

# A tree of thousands of categories must not become a sidebar of as many links.
MAX_CHOICES = 30

Line = list[tuple[Any, str]]


def category_lines(keys: Iterable[Any]) -> dict[Any, Line]:
    """For each of ``keys`` the categories from the root down to it, as ``(key, name)``; one query for all."""
    wanted = set(keys) - {None}
    if not wanted:
        return {}
    manager: Any = get_category_model()._default_manager
    rows = {
        pk: (name, parent)
        for pk, name, parent in manager.with_ancestors(*wanted).values_list("pk", "name", "parent_id")
    }
    return {key: list(_line(rows, key))[::-1] for key in wanted if key in rows}


def _line(rows: dict[Any, tuple[str, Any]], key: Any) -> Iterator[tuple[Any, str]]:
    seen = set()
    while key in rows and key not in seen:
        seen.add(key)
        name, parent = rows[key]
        yield key, name
        key = parent


def name_paths(categories: Iterable[Any]) -> None:
    """Sets ``tree_path`` of each category: ``Computers > Laptops``."""
    categories = list(categories)
    lines = category_lines(category.pk for category in categories)
    for category in categories:
        category.tree_path = join_path(name for _key, name in lines.get(category.pk, [(None, category.name)]))


class CategoryPathView(AutocompleteJsonView):
    """Django's autocomplete view with paths: among thousands of categories many are called "Accessories"."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["object_list"] = list(context["object_list"])
        name_paths(context["object_list"])
        return context

    def serialize_result(self, obj: Any, to_field_name: str) -> Any:
        return {**super().serialize_result(obj, to_field_name), "text": obj.tree_path}


class CategoryPathSelect(AutocompleteSelect):
    """Asks ``CategoryPathView``, where the site's category admin has one. Wide, for it shows paths."""

    def build_attrs(self, base_attrs: Any, extra_attrs: Any = None) -> Any:
        return {"data-width": "min(40em, 60vw)", **super().build_attrs(base_attrs, extra_attrs)}

    def get_url(self) -> str:
        meta = get_category_model()._meta
        try:
            return reverse(f"{self.admin_site.name}:{meta.app_label}_{meta.model_name}_paths")
        except NoReverseMatch:
            return super().get_url()


class CategoryFilter(admin.SimpleListFilter):
    """A walk through the tree: the way down to the chosen category, and what is directly beneath it."""

    title = gettext_lazy("category")
    parameter_name = "category"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        model: Any = get_category_model()
        self.admin_site = model_admin.admin_site
        key = parse_key(model, self.value()) if self.value() else None
        line = category_lines([key]).get(key, [])
        children = model._default_manager.filter(parent=key).order_by("name").values_list("pk", "name")
        choices = list(children[: MAX_CHOICES + 1]) if line or not self.value() else []
        self.is_cut = len(choices) > MAX_CHOICES
        steps = [(pk, name, depth) for depth, (pk, name) in enumerate(line)]
        steps += [(pk, name, len(line)) for pk, name in choices[:MAX_CHOICES]]
        # No-break spaces: the indent survives in HTML without a style of our own.
        return [(str(pk), "\u00a0" * 3 * depth + name) for pk, name, depth in steps]

    def has_output(self) -> bool:
        # A filter without output is left out: the list for an unknown category would show everything.
        return bool(self.value()) or super().has_output()

    def choices(self, changelist: Any) -> Iterator[Any]:
        yield from super().choices(changelist)
        if self.is_cut:
            meta = get_category_model()._meta
            url = reverse(f"{self.admin_site.name}:{meta.app_label}_{meta.model_name}_changelist")
            yield {"selected": False, "query_string": url, "display": _("More in the list of categories…")}

    def queryset(self, request: Any, queryset: Any) -> Any:
        if not self.value():
            return queryset
        key = parse_key(get_category_model(), self.value())
        return self.beneath(queryset, key) if key is not None else queryset.none()

    def beneath(self, queryset: Any, key: Any) -> Any:
        manager: Any = get_category_model()._default_manager
        return queryset.filter(category_id__in=manager.descendant_ids([key]))


class BranchFilter(CategoryFilter):
    """The same for the list of categories."""

    title = gettext_lazy("branch")
    parameter_name = "branch"

    def beneath(self, queryset: Any, key: Any) -> Any:
        manager: Any = get_category_model()._default_manager
        return queryset.filter(pk__in=manager.descendant_ids([key]))
