"""Form fields and forms of the admin: the API's rules, said at the field they concern."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException

from django_shopcore.core.conf import core_settings
from django_shopcore.core.fields import JSONObjectField
from django_shopcore.core.parsers import check_document

from .abstract_models import MAX_METADATA_BYTES
from .admin_tree import name_paths


class BoundedDecoder(json.JSONDecoder):
    """Django's field expects nothing of a decoder but ``JSONDecodeError``."""

    def decode(self, s: str, *args: Any) -> Any:
        try:
            return super().decode(s, *args)
        except RecursionError:
            raise json.JSONDecodeError("Too deep", s[:1], 0) from None


class JSONObjectFormField(forms.JSONField):
    """A JSON object under the rules of the API; an empty field is an empty object."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "decoder": kwargs.get("decoder") or BoundedDecoder})

    def to_python(self, value: Any) -> Any:
        document = super().to_python(value)
        return {} if document is None else document

    def validate(self, value: Any) -> None:
        super().validate(value)
        try:
            JSONObjectField(max_bytes=MAX_METADATA_BYTES).to_internal_value(value)
            check_document(value, core_settings.MAX_JSON_DEPTH)
        except APIException as exc:
            details = exc.detail if isinstance(exc.detail, list) else [exc.detail]
            raise forms.ValidationError([str(detail) for detail in details], code="invalid") from None
        except ValueError:
            # NaN and lone surrogates.
            raise forms.ValidationError(self.error_messages["invalid"], "invalid", {"value": "…"}) from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        # Shown again as it was typed: parsed, it may hold what a page in UTF-8 cannot.
        return initial if self.disabled or data is None else InvalidJSONInput(data)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, InvalidJSONInput):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False)


class CategoryPathField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Shows the chosen category with its path."""

    def label_from_instance(self, obj: Any) -> str:
        name_paths([obj])
        return str(obj.tree_path)


class CatalogForm(forms.ModelForm):  # type: ignore[type-arg]
    def current(self, name: str) -> Any:
        """The value ``name`` will have; ``None`` where the input is wrong."""
        return self.cleaned_data.get(name) if name in self.fields else getattr(self.instance, name)


class ProductForm(CatalogForm):
    """Of the change page, and of a line in the list, which has only some of the fields."""

    def clean_description(self) -> str:
        # Browsers send CR LF, which would make every save a change and count twice towards the limit.
        return str(self.cleaned_data["description"]).replace("\r\n", "\n")

    def clean(self) -> Any:
        data = super().clean()
        price, compare = self.current("price"), self.current("compare_at_price")
        if price is not None and compare is not None and compare <= price:
            if "compare_at_price" in self.fields:
                self.add_error("compare_at_price", forms.ValidationError(_("Must be above the price."), "not_above"))
            else:
                message = _("Must be below the compare-at price, %(compare)s.")
                self.add_error("price", forms.ValidationError(message, "not_below", {"compare": compare}))
        return data


class CategoryForm(CatalogForm):
    def clean(self) -> Any:
        data = super().clean()
        name = self.current("name")
        if name and "parent" not in self.errors:
            siblings = type(self.instance)._default_manager.exclude(pk=self.instance.pk)
            if siblings.filter(name=name, parent=self.current("parent")).exists():
                message = _("There is a category of this name here already.")
                self.add_error("name", forms.ValidationError(message, "unique"))
        return data
