from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import EMPTY_VALUES
from django.db.models import F, TextField
from django.utils.translation import gettext_lazy as _

from django_shopcore.core.binding import Binding, UnboundError
from django_shopcore.core.filters import (
    BooleanFilter,
    FilterSet,
    KeysFilter,
    MoneyFilter,
    OrderingFilter,
    TimeFilter,
)
from django_shopcore.core.keys import parse_key
from django_shopcore.core.plans import InList, ManySlot, Slot
from django_shopcore.core.statements import HIT
from django_shopcore.core.tracking import tokens

from . import get_category_model
from .search import get_backend, search
from .trees import forget_tree, kept_tree

MAX_SEARCH_LENGTH = 200


class CategoryFilter(KeysFilter):
    """Products of some categories and of everything beneath them."""

    def bind(self, raw: Any, binding: Binding) -> str | None:
        """The categories' keys from the tree that this process keeps."""
        items = [item for item in raw or [] if item != ""]
        if not items:
            return None
        tree = kept_tree(binding.alias)
        keys = [parse_key(get_category_model(), item) for item in items]
        found = tree.descendants(keys) if tree is not None else None
        if tree is not None and found is None and tokens(binding.alias).get(tree.table) != tree.token:
            forget_tree(binding.alias)  # the category may be newer
            tree = kept_tree(binding.alias)
            found = tree.descendants(keys) if tree is not None else None
        if tree is None or found is None:
            raise UnboundError
        binding.expected[tree.table] = tree.token
        binding.values["category"] = found[0] if len(found) == 1 else found
        return "one" if len(found) == 1 else "many"

    def apply(self, queryset: Any, part: str) -> Any:
        key: Any = get_category_model()._meta.pk
        if part == "one":
            return queryset.filter(category_id=Slot("category", key))
        return queryset.filter(InList(F("category_id"), ManySlot("category", key)))


class SearchFilter(django_filters.CharFilter):
    """Products that match the words of a text, best match first."""

    def bind(self, raw: Any, binding: Binding) -> Any:
        text = self.field.clean(raw)
        if text in EMPTY_VALUES:
            return None
        backend = get_backend(binding.alias)
        query = backend.parse(text) if backend.compiles else None
        if query is None:
            raise UnboundError
        binding.values["search"], binding.searched = query, text
        binding.backend, binding.candidates = backend, backend.rank_bound
        return (type(backend), backend.variant)

    def apply(self, queryset: Any, part: Any) -> Any:
        backend, slot = part[0](queryset.db), Slot("search", TextField())
        found = backend.filter(queryset, slot).annotate(search_rank=backend.rank(slot))
        return found.order_by("-search_rank", f"-{queryset.model._meta.pk.name}")

    def mark(self, queryset: Any, part: Any) -> Any:
        backend = part[0](queryset.db)
        return queryset.annotate(**{HIT: backend.matches(Slot("search", TextField()))})


class ProductFilterForm(forms.Form):
    @staticmethod
    def conflicts(data: Mapping[str, Any]) -> bool:
        """Whether the lowest price is above the highest."""
        low, high = data.get("min_price"), data.get("max_price")
        return low is not None and high is not None and bool(low > high)

    def clean(self) -> Any:
        data = super().clean() or {}
        if self.conflicts(data):
            self.add_error("min_price", ValidationError(_("Must not be above max_price."), code="min_above_max"))
        return data


class ProductFilterSet(FilterSet):
    category = CategoryFilter(
        model=get_category_model,
        method="filter_category",
        label="Key of a category; products of categories beneath it are included. Repeat it for several.",
    )
    min_price = MoneyFilter(field_name="price", lookup_expr="gte", label="Lowest price, inclusive.")
    max_price = MoneyFilter(field_name="price", lookup_expr="lte", label="Highest price, inclusive.")
    in_stock = BooleanFilter(label="Whether it is in stock.")
    created_after = TimeFilter(field_name="created_at", lookup_expr="gte", label="Created at this time or later.")
    created_before = TimeFilter(field_name="created_at", lookup_expr="lte", label="Created at this time or earlier.")
    updated_after = TimeFilter(field_name="updated_at", lookup_expr="gte", label="Changed at this time or later.")
    slug = django_filters.CharFilter(label="Exact slug.")
    sku = django_filters.CharFilter(label="Exact SKU.")
    search = SearchFilter(
        method="filter_search",
        max_length=MAX_SEARCH_LENGTH,
        label="Words that must all occur in the name or the description; prefixes match. Best match first, unless "
        "`ordering` is given.",
    )
    ordering = OrderingFilter(
        allowed=("price", "created_at", "name"),
        label="`price`, `created_at` or `name`, with `-` for descending; several separated by commas. Default "
        "`-created_at`.",
    )

    class Meta:
        form = ProductFilterForm

    def filter_category(self, queryset: Any, name: str, keys: list[Any]) -> Any:
        return queryset.in_categories(keys) if keys else queryset

    def filter_search(self, queryset: Any, name: str, text: str) -> Any:
        return search(queryset, text)


class CategoryFilterSet(FilterSet):
    parent = django_filters.CharFilter(
        method="filter_parent", label="Key of the category above, or `null` for the roots."
    )
    search = django_filters.CharFilter(
        field_name="name", lookup_expr="icontains", max_length=MAX_SEARCH_LENGTH, label="Part of the name."
    )

    def filter_parent(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(parent=None if value == "null" else parse_key(queryset.model, value))

    def is_valid(self) -> bool:
        return super().is_valid() and self._parent_exists()

    def _parent_exists(self) -> bool:
        value = self.form.cleaned_data.get("parent")
        if not value or value == "null":
            return True
        model = get_category_model()
        key = parse_key(model, value)
        if key is None or not model._default_manager.filter(pk=key).exists():
            self.form.add_error("parent", ValidationError(_("There is no such category."), code="does_not_exist"))
            return False
        return True
