"""Extensions on the admin pages of what they extend."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from .extensions import Extension, extensions_of


class ExtensionInlinesMixin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Adds an inline for each extension that the page has none for yet."""

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        inlines: list[Any] = list(super().get_inlines(request, obj))
        present = {inline.model for inline in inlines}
        extensions = extensions_of(self.model)
        return [*inlines, *(inline_of(one) for one in extensions if one.related_model not in present)]


def inline_of(extension: Extension) -> type[admin.StackedInline[Any, Any]]:
    """The inline of an extension, for a page of the site's own."""
    parts = {"model": extension.related_model, "fk_name": extension.field.name}
    return type(f"{extension.related_model.__name__}Inline", (admin.StackedInline,), parts)
