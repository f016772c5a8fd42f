from __future__ import annotations

import ipaddress
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from django_shopcore.core.filters import DescribedFilter, FilterSet, NotEmptyMixin, OrderingFilter, TimeFilter

from .models import MAX_ACTION, MAX_KEY


class AddressFormField(NotEmptyMixin, forms.CharField):
    """An IP address, in the form that the log has it in."""

    default_error_messages = {"invalid": _("Must be an IP address.")}

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        if text == "":
            return None
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class AddressFilter(DescribedFilter):
    field_class = AddressFormField


class AuditFilterSet(FilterSet):
    action = django_filters.CharFilter(max_length=MAX_ACTION, label="The code of an action, such as `product.updated`.")
    actor = django_filters.CharFilter(field_name="actor_key", max_length=MAX_KEY, label="Key of a user.")
    object = django_filters.CharFilter(
        method="filter_object",
        max_length=2 * MAX_KEY,
        label="A model (`shopcore_catalog.product`), or one object of it (`shopcore_catalog.product:42`).",
    )
    since = TimeFilter(field_name="created_at", lookup_expr="gte", label="Not before this time.")
    until = TimeFilter(field_name="created_at", lookup_expr="lt", label="Before this time.")
    ip = AddressFilter(field_name="ip_address", label="The client's IP address.")
    ordering = OrderingFilter(
        allowed=("created_at",), label="`created_at`, with `-` for descending. Default `-created_at`."
    )

    def filter_object(self, queryset: Any, name: str, text: str) -> Any:
        kind, colon, key = text.partition(":")
        return queryset.about(kind.lower(), *([key] if colon else []))
