from __future__ import annotations

from django_shopcore.core.filters import BooleanFilter, FilterSet


class NotificationFilterSet(FilterSet):
    seen = BooleanFilter(label="Whether it has been seen.")
