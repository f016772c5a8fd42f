"""Extensions on the admin pages of what they extend."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from . import changes
from .extensions import Extension, extensions_of


class ExtensionInlinesMixin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Adds an inline for each extension that the page has none for yet."""

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        inlines: list[Any] = list(super().get_inlines(request, obj))
        present = {inline.model for inline in inlines}
        extensions = extensions_of(self.model)
        return [*inlines, *(inline_of(one) for one in extensions if one.related_model not in present)]

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        for extension in extensions_of(self.model):
            if extension.related_model is formset.model and change:
                changes.add(form.instance, _changes_on(formset, extension))


def _changes_on(formset: Any, extension: Extension) -> dict[str, tuple[Any, Any]]:
    found: dict[str, tuple[Any, Any]] = {}
    for form in formset.forms:
        deleted = form in formset.deleted_forms
        names = form.initial if deleted else form.changed_data
        for name in names:
            if name in form.cleaned_data and name != extension.field.name and not form.fields[name].widget.is_hidden:
                new = None if deleted else form.cleaned_data[name]
                found[f"{extension.name}.{name}"] = (form.initial.get(name), new)
    return found


def inline_of(extension: Extension) -> type[admin.StackedInline[Any, Any]]:
    """The inline of an extension, for a page of the site's own."""
    parts = {"model": extension.related_model, "fk_name": extension.field.name}
    return type(f"{extension.related_model.__name__}Inline", (admin.StackedInline,), parts)
