from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q

from django_shopcore.core.adapters import admin_adapter
from django_shopcore.core.filters import BooleanFilter, FilterSet, OrderingFilter
from django_shopcore.core.users import column, email_column, user_model

from .users import CREATED

MAX_SEARCH_LENGTH = 254


class UserOrderingFilter(OrderingFilter):
    """Orders by names of the API, whatever the columns of the user model are called."""

    def filter(self, qs: Any, value: list[str]) -> Any:
        columns = {"created_at": column(*CREATED) or "pk", "email": email_column()}
        signs = [("-" if name.startswith("-") else "", columns[name.removeprefix("-")]) for name in value or []]
        return super().filter(qs, [f"{sign}{name}" for sign, name in signs])


class UserFilterSet(FilterSet):
    email = django_filters.CharFilter(
        method="filter_email", max_length=MAX_SEARCH_LENGTH, label="Part of the address; the same as `search`."
    )
    search = django_filters.CharFilter(
        method="filter_email", max_length=MAX_SEARCH_LENGTH, label="Part of the address, in any case."
    )
    is_active = BooleanFilter(method="filter_is_active", label="Whether the user may sign in.")
    is_admin = BooleanFilter(method="filter_is_admin", label="Whether the role is admin.")
    ordering = UserOrderingFilter(
        allowed=("created_at", "email"),
        label="`created_at` or `email`, with `-` for descending; several separated by commas. Default `-created_at`.",
    )

    def filter_email(self, queryset: Any, name: str, text: str) -> Any:
        return queryset.filter(**{f"{email_column()}__icontains": text})

    def filter_is_active(self, queryset: Any, name: str, value: bool) -> Any:
        return _where(queryset, column("is_active"), True, value)

    def filter_is_admin(self, queryset: Any, name: str, value: bool) -> Any:
        asked = admin_adapter()
        if (role := asked.column()) is not None:
            return queryset.filter(**{role: value})
        admins = Q(pk__in=user_model()._default_manager.filter(asked.admins()).values("pk"))
        return queryset.filter(admins if value else ~admins)


def _where(queryset: Any, name: str | None, absent: bool, value: bool) -> Any:
    """The rows with ``value`` in the column ``name``; without such a column all rows have ``absent``."""
    if name is not None:
        return queryset.filter(**{name: value})
    return queryset if value == absent else queryset.none()
