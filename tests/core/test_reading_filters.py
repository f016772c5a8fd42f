"""A site's own filterset: the API lists what the filterset itself would leave, in the order it would have."""

from __future__ import annotations

from typing import Any

import django_filters
import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import models
from django.http import QueryDict
from django.test import override_settings
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.filters import ProductFilterForm, ProductFilterSet
from django_shopcore.core.filters import FilterSet, OrderingFilter
from tests.catalog.plain_way import published, stock, view_of, way
from tests.catalog.shapes import PRODUCTS, key_of
from tests.fixtures import client_of
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "swapped", "swapped_both")]

# Of the project at hand, beside an integer that every product has.
OWN_COLUMNS = [
    field.name for field in get_product_model()._meta.fields if isinstance(field, models.PositiveIntegerField)
]


class Methods(ProductFilterSet):
    starts = django_filters.CharFilter(method="filter_starts")
    mine = django_filters.BooleanFilter(method="filter_mine")

    def filter_starts(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(name__startswith=value)

    def filter_mine(self, queryset: Any, name: str, value: bool) -> Any:
        return queryset.filter(name="P1") if self.request.user.is_authenticated else queryset.none()


class Numbers(ProductFilterSet):
    at_least = django_filters.NumberFilter(field_name="category_id", lookup_expr="gte")
    exactly = django_filters.NumberFilter(field_name="category__id")
    dear = django_filters.NumberFilter(field_name="price", lookup_expr="gt")
    not_dear = django_filters.NumberFilter(field_name="price", lookup_expr="gt", exclude=True)
    code = django_filters.CharFilter(field_name="category__slug")
    text = django_filters.CharFilter(field_name="price")
    meta = django_filters.CharFilter(field_name="metadata")
    words = django_filters.CharFilter(field_name="name", lookup_expr="icontains")
    either = django_filters.CharFilter(field_name="name", distinct=True)
    between = django_filters.NumericRangeFilter(field_name="price", lookup_expr="range")
    span = django_filters.RangeFilter(field_name="price")
    without = django_filters.BooleanFilter(field_name="sku", lookup_expr="isnull")
    own = django_filters.NumberFilter(field_name=OWN_COLUMNS[0] if OWN_COLUMNS else "category_id", lookup_expr="lte")
    since = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    day = django_filters.DateFilter(field_name="created_at", lookup_expr="date")
    kind = django_filters.ChoiceFilter(field_name="sku", choices=[("S1", "one"), ("S3", "three")])


class OwnQueryset(ProductFilterSet):
    @property
    def qs(self) -> Any:
        return super().qs.exclude(name="P1")


class OwnFiltering(ProductFilterSet):
    def filter_queryset(self, queryset: Any) -> Any:
        return super().filter_queryset(queryset).exclude(name="P2")


class FussyForm(ProductFilterForm):
    def clean(self) -> Any:
        data = super().clean()
        if data.get("slug") == "p1":
            raise ValidationError("Not that one.", code="not_that")
        return data


class OwnForm(ProductFilterSet):
    class Meta:
        form = FussyForm


class TrimmingForm(ProductFilterForm):
    def clean_slug(self) -> Any:
        return self.cleaned_data["slug"].removesuffix("!")


class OwnFormField(ProductFilterSet):
    class Meta:
        form = TrimmingForm


class Required(ProductFilterSet):
    sku = django_filters.CharFilter(required=True)


class Flag(django_filters.Filter):
    """Acts although its parameter is absent."""

    field_class = forms.BooleanField


class ActsWhenAbsent(ProductFilterSet):
    in_stock = Flag()  # type: ignore[assignment]


class OrElse(forms.TextInput):
    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return data.get("other", "P3")


class OwnWidget(ProductFilterSet):
    named = django_filters.CharFilter(field_name="name", widget=OrElse)


class Excluding(django_filters.CharFilter):
    def filter(self, qs: Any, value: Any) -> Any:
        return qs.exclude(name=value or "P4")


class OwnFilter(ProductFilterSet):
    other_than = Excluding()


class OwnOrdering(FilterSet):
    ordering = OrderingFilter(allowed=("price", "sku", "category__name", "in_stock"))


QUERIES: list[tuple[Any, str]] = [
    (Methods, "starts=P1&in_stock=true"),
    (Methods, "starts="),
    (Methods, "mine=true"),
    (Methods, "min_price=1"),
    *((Numbers, f"{name}={value}") for name in ("at_least", "exactly", "dear", "not_dear", "own") for value in (
        "0", "1", "-1", "1.5", "2.50", "1e2", str(2**31), str(2**63), str(-(2**63)), str(2**64), "9" * 30, "1e30", "x",
    )),
    (Numbers, "code=below"),
    (Numbers, "text=2.50"),
    (Numbers, "meta=x"),
    (Numbers, "words=1"),
    (Numbers, "either=P1&either=P2"),
    (Numbers, "span_min=1&span_max=3"),
    (Numbers, "between_min=1&between_max=3"),
    (Numbers, "span=1"),
    (Numbers, "without=true"),
    (Numbers, "without=false"),
    (Numbers, "without=perhaps"),
    (Numbers, "since=2020-01-01T00:00:00Z"),
    (Numbers, "since=2120-01-01T00:00:00%2B05:00"),
    (Numbers, "day=2020-01-01"),
    (Numbers, "kind=S1"),
    (Numbers, "kind=S2"),
    (OwnQueryset, ""),
    (OwnFiltering, ""),
    (OwnForm, "slug=p1"),
    (OwnForm, "slug=p2"),
    (OwnFormField, "slug=p2!"),
    (Required, ""),
    (Required, "sku=S1"),
    (ActsWhenAbsent, ""),
    (OwnWidget, ""),
    (OwnWidget, "other=P2"),
    (OwnFilter, ""),
    (OwnFilter, "other_than=P0"),
    (OwnOrdering, "ordering=-price"),
    (OwnOrdering, "ordering=category__name,-price"),
    (OwnOrdering, "ordering=-in_stock,-category__name"),
]  # fmt: skip


def use(filterset: Any) -> Any:
    return override_settings(SHOPCORE_CATALOG_PRODUCT_FILTERSET=f"{__name__}.{filterset.__name__}")


def plainly(filterset_class: Any, query: str, user: Any) -> list[Any] | None:
    """The keys that the filterset itself leaves of the public list, in order; ``None`` for invalid parameters."""
    request = view_of(query=QueryDict(query).dict(), user=user).request
    filterset = filterset_class(data=QueryDict(query), queryset=published(), request=request)
    if not filterset.is_valid():
        return None
    rows = filterset.qs
    ordering = rows.query.order_by
    last = "-pk" if str(ordering[0]).startswith("-") else "pk"
    return [key_of(row) for row in rows.order_by(*[name for name in ordering if "pk" not in name], last)]


@pytest.mark.parametrize(("filterset_class", "query"), QUERIES)
def test_a_list_is_what_the_filterset_leaves(anonymous: APIClient, filterset_class: Any, query: str) -> None:
    stock()
    customer = make_user()
    with use(filterset_class):
        for client, user in (
            (anonymous, AnonymousUser()),
            (client_of(customer), customer),
            (anonymous, AnonymousUser()),
        ):
            try:
                expected = plainly(filterset_class, query, user)
            except OverflowError:  # SQLite cannot hold the number, and Django does not look
                with pytest.raises(OverflowError):
                    client.get(f"{PRODUCTS}?{query}")
                continue
            for _ in range(2):
                response = client.get(f"{PRODUCTS}?{query}")
                if expected is None:
                    assert response.status_code == 400
                else:
                    assert [row["id"] for row in response.json()["results"]] == expected
                    assert response.json()["count"] == len(expected)


@pytest.mark.parametrize(
    ("filterset_class", "query", "expected"),
    [
        (ProductFilterSet, {}, "compiled"),
        (ProductFilterSet, {"min_price": "1", "in_stock": "true"}, "compiled"),
        (Methods, {}, "compiled"),
        (Methods, {"starts": "P"}, "columns"),
        (Numbers, {"dear": "1"}, "compiled"),
        (Numbers, {"words": "x"}, "columns"),
        (Numbers, {"dear": "9" * 40}, "compiled"),
        (OwnQueryset, {}, "columns"),
        (OwnFiltering, {}, "columns"),
        (OwnForm, {}, "columns"),
        (OwnFormField, {}, "columns"),
        (Required, {"sku": "S1"}, "columns"),
        (ActsWhenAbsent, {}, "columns"),
        (OwnWidget, {}, "columns"),
        (OwnFilter, {}, "columns"),
        (OwnOrdering, {"ordering": "price"}, "compiled"),
    ],
)
def test_the_way_of_a_request_is_told(filterset_class: Any, query: dict[str, str], expected: str) -> None:
    with use(filterset_class):
        assert way(query=query) == expected
