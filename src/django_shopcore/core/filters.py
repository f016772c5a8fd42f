"""Filter fields that answer 400 for what they cannot read, where django-filter's own would guess or pass."""

from __future__ import annotations

import datetime
import re
from typing import Any

import django_filters
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext_lazy as _
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from drf_spectacular.drainage import set_override

from .fields import PLAIN_NUMBER
from .keys import parse_key

SPACE_BEFORE_OFFSET = re.compile(r" (?=\d\d:?\d\d$)", re.ASCII)
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class NotEmptyMixin(forms.Field):
    """A parameter that is there without a value is an error, and not the same as one that is absent."""

    def clean(self, value: Any) -> Any:
        if value == "":
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().clean(value)


class MoneyFormField(NotEmptyMixin, forms.DecimalField):
    """An amount in plain ASCII digits, within what a price column holds."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "max_digits": 12, "decimal_places": 2, "localize": False})

    def to_python(self, value: Any) -> Any:
        if value not in self.empty_values and not PLAIN_NUMBER.fullmatch(str(value).strip()):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class BooleanFormField(NotEmptyMixin, forms.CharField):
    default_error_messages = {"invalid": _("Must be true or false.")}

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        if text == "":
            return None
        try:
            return BOOLEANS[text.lower()]
        except KeyError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class TimeFormField(NotEmptyMixin, forms.CharField):
    """An RFC 3339 time, or a date for its first moment; without an offset it is UTC."""

    default_error_messages = {"invalid": _("Must be a time such as 2026-01-31T12:00:00Z.")}

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        if text == "":
            return None
        try:
            # An unescaped "+" of an offset arrives as a space.
            moment = _parse_moment(SPACE_BEFORE_OFFSET.sub("+", text))
        except (ValueError, OverflowError):
            moment = None
        if moment is None or not text.isascii():
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return moment


def _parse_moment(text: str) -> datetime.datetime | None:
    moment = parse_datetime(text)
    if moment is None:
        date = parse_date(text)
        if date is None:
            return None
        moment = datetime.datetime.combine(date, datetime.time())
    if timezone.is_naive(moment):
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    moment = moment.astimezone(datetime.timezone.utc)
    return moment if settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())


class KeysFormField(forms.Field):
    """Keys of existing rows of ``model()``, the parameter repeated for several."""

    widget = forms.MultipleHiddenInput
    default_error_messages = {"does_not_exist": _("There is no such object: %(value)s.")}

    def __init__(self, *, model: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model

    def clean(self, value: Any) -> list[Any]:
        raw = [item for item in value or [] if item != ""]  # how some clients write an empty list
        if not raw:
            return []
        model = self.model()
        keys = {item: parse_key(model, item) for item in raw}
        wanted = {key for key in keys.values() if key is not None}
        known = set(model._default_manager.filter(pk__in=wanted).values_list("pk", flat=True)) if wanted else set()
        for item, key in keys.items():
            if key is None or key not in known:
                raise ValidationError(
                    self.error_messages["does_not_exist"], code="does_not_exist", params={"value": item}
                )
        return sorted(known)


class OrderingFormField(forms.CharField):
    """Names separated by commas, ``-`` in front for descending; only the allowed ones."""

    default_error_messages = {"invalid_choice": _("Cannot order by %(value)s. Allowed: %(allowed)s.")}

    def __init__(self, *, allowed: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.allowed = allowed

    def clean(self, value: Any) -> list[str]:
        text = super().clean(value)
        if not text:
            return []
        names = [name.strip() for name in text.split(",")]
        for name in names:
            if name.removeprefix("-") not in self.allowed:
                params = {"value": name or '""', "allowed": ", ".join(self.allowed)}
                raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice", params=params)
        seen: dict[str, str] = {}
        for name in names:
            seen.setdefault(name.removeprefix("-"), name)
        return list(seen.values())


class DescribedFilter(django_filters.Filter):
    """A filter that tells the API description its type; its label is the parameter's description."""

    schema: dict[str, Any] = {"type": "string"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_override(self, "field", {**self.schema, "description": kwargs.get("label", "")})


class MoneyFilter(DescribedFilter):
    field_class = MoneyFormField
    schema = {"type": "string", "format": "decimal", "example": "19.90"}


class BooleanFilter(DescribedFilter):
    field_class = BooleanFormField
    schema = {"type": "boolean"}


class TimeFilter(DescribedFilter):
    field_class = TimeFormField
    schema = {"type": "string", "format": "date-time"}


class KeysFilter(DescribedFilter):
    """Keys of ``model()``'s rows. Declare it in a module that loads after the models, as filtersets do."""

    field_class = KeysFormField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        integers = isinstance(kwargs["model"]()._meta.pk, models.IntegerField)
        self.schema = {"type": "array", "items": {"type": "integer" if integers else "string"}}
        super().__init__(*args, **kwargs)


class OrderingFilter(DescribedFilter):
    """Orders by the allowed names; the paginator makes any order total."""

    field_class = OrderingFormField

    def filter(self, qs: Any, value: list[str]) -> Any:
        return qs.order_by(*value) if value else qs


class ShopcoreFilterBackend(DjangoFilterBackend):
    """Filters by the view's ``filterset_class``; a wrong value is 400 in the contract's form."""

    raise_exception = True


__all__ = [
    "BooleanFilter",
    "FilterSet",
    "KeysFilter",
    "MoneyFilter",
    "OrderingFilter",
    "ShopcoreFilterBackend",
    "TimeFilter",
]
