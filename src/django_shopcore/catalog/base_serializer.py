"""What the serializers of products and categories have in common."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from django_shopcore.core.access import is_admin
from django_shopcore.core.extension_fields import ExtensionField, extension_fields
from django_shopcore.core.fields import KeyField

SLUG = re.compile(r"[-\w]+")


def validate_slug(value: str) -> None:
    # A function and no RegexValidator: in the API description \w would mean ASCII letters only.
    if value and not SLUG.fullmatch(value):
        raise ValidationError(_("Letters, digits, hyphens and underscores only."), code="invalid")


def unique_error(message: Any) -> list[ErrorDetail]:
    return [ErrorDetail(str(message), code="unique")]


class CatalogSerializer(serializers.Serializer[Any]):
    """Reads and writes one catalogue object; private fields exist for admins only.

    ``context["complete"]`` shows every field whoever asks: what an object's entity tag is made of.
    ``context["unchecked"]`` leaves out the checks that cost a query a row; bulk writes do them per set.
    """

    private_fields: tuple[str, ...] = ("private_metadata",)

    @staticmethod
    def get_model() -> Any:
        """The model of the objects, whose extensions are fields too."""
        raise NotImplementedError

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        fields.update(extension_fields(self.get_model(), fields, self.context))
        request = self.context.get("request")
        described = getattr(self.context.get("view"), "swagger_fake_view", False)
        if not (self.context.get("complete") or described or is_admin(getattr(request, "user", None))):
            for name in self.private_fields:
                fields.pop(name, None)
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not self.context.get("unchecked"):
            self.check_unique(attrs)
        return attrs

    def check_unique(self, attrs: dict[str, Any]) -> None:
        """Raises ``ValidationError`` for a value that another row holds."""

    def recheck(self) -> None:
        """Looks again at what may have changed since validation; raises ``ValidationError``."""
        self.check_unique(self.validated_data)
        for name, field in self.fields.items():
            row = self.validated_data.get(field.source)
            if isinstance(field, KeyField) and row is not None and not field.get_queryset().filter(pk=row.pk).exists():
                detail = field.error_messages["does_not_exist"].format(pk_value=row.pk)
                raise ValidationError({name: [ErrorDetail(detail, code="does_not_exist")]})
            if isinstance(field, ExtensionField) and row is not None:
                self._recheck_extension(name, field)

    def _recheck_extension(self, name: str, field: ExtensionField) -> None:
        try:
            field.run_validation(self.initial_data[name])
        except ValidationError as exc:
            raise ValidationError({name: exc.detail}) from exc

    def current(self, attrs: dict[str, Any], name: str) -> Any:
        """The value ``name`` will have: the new one, or the instance's."""
        return attrs[name] if name in attrs else getattr(self.instance, name, None)

    def others(self, model: Any) -> Any:
        queryset = model._default_manager.all()
        return queryset.exclude(pk=self.instance.pk) if self.instance is not None else queryset
