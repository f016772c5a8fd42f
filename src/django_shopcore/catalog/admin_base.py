"""What the admin pages of products and categories have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.utils import flatten_fieldsets
from django.db import models
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from django_shopcore.core import changes
from django_shopcore.core.errors import Conflict
from django_shopcore.core.extension_admin import ExtensionInlinesMixin
from django_shopcore.core.writes import atomic_write

from . import get_category_model
from .admin_forms import CategoryPathField, JSONObjectFormField
from .admin_tree import CategoryPathSelect

JSON_OBJECTS = ("metadata", "private_metadata")
# Where a request keeps the events that its transaction still has to send.
WAITING = "_shopcore_catalog_events"

Fieldset = tuple[Any, dict[str, Any]]


class CatalogAdmin(ExtensionInlinesMixin):
    """Every write in one transaction that sends its domain events once; fields of the site's own on the form.

    ``layout`` and ``layout_end`` are the fieldsets of our fields; those a site's model has besides go between.
    ``fields`` or ``fieldsets`` in a subclass replace all that.
    """

    plural: ClassVar[str]
    events: ClassVar[Mapping[str, Signal]]
    layout: ClassVar[Sequence[Fieldset]]
    layout_end: ClassVar[Sequence[Fieldset]]

    prepopulated_fields = {"slug": ("name",)}
    list_per_page = 50
    show_full_result_count = False
    # Before Django 6 a URLField asks which scheme to assume, and warns.
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        view = super().changelist_view
        return self.carry_out(request, lambda: view(request, extra_context))

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        view = super().changeform_view
        return self.carry_out(request, lambda: view(request, object_id, form_url, extra_context))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        view = super().delete_view
        return self.carry_out(request, lambda: view(request, object_id, extra_context))

    def carry_out(self, request: HttpRequest, view: Callable[[], Any]) -> HttpResponse:
        """The answer of ``view``; a POST in a transaction, at whose end its events are sent, each once.

        A lost race is told as a message instead of a server error.
        """
        if request.method != "POST":
            return view()  # type: ignore[no-any-return]
        events: dict[str, list[Any]] = {}
        setattr(request, WAITING, events)
        try:
            with atomic_write(self.model):
                self.take_locks(request)
                response: HttpResponse = view()
                for event, rows in events.items():
                    self._send(request, event, rows)
            return response
        except Conflict as exc:
            self.message_user(request, str(exc.detail), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        finally:
            delattr(request, WAITING)

    def take_locks(self, request: HttpRequest) -> None:
        """Runs at the start of the transaction of a POST."""

    def announce(self, request: HttpRequest, event: str, rows: Iterable[Any]) -> None:
        """Sends ``event`` (``created``, ``updated``, ``deleted``) for ``rows``, with the others of the request."""
        waiting: dict[str, list[Any]] | None = getattr(request, WAITING, None)
        if waiting is None:
            self._send(request, event, list(rows))
        else:
            waiting.setdefault(event, []).extend(rows)

    def _send(self, request: HttpRequest, event: str, rows: list[Any]) -> None:
        if rows:
            self.events[event].send(sender=self.model, actor=request.user, **{self.plural: rows})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change and form is not None:
            changes.remember_values(obj, form.initial)
        super().save_model(request, obj, form, change)
        self.announce(request, "updated" if change else "created", [obj])

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        key = obj.pk
        super().delete_model(request, obj)
        obj.pk = key
        self.announce(request, "deleted", [obj])

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        rows = list(queryset)
        super().delete_queryset(request, queryset)
        self.announce(request, "deleted", rows)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if self.fieldsets or self.fields:
            return super().get_fieldsets(request, obj)
        available = list(self.get_fields(request, obj))
        # Nothing to see yet in what the first save fills in.
        automatic = set() if obj is not None else {"created_at", "updated_at"}
        layout: Any = [*self.layout, *self.layout_end]
        known = set(flatten_fieldsets(layout))
        more = (_("More"), {"fields": [name for name in available if name not in known]})
        shown = set(available) - automatic
        fieldsets = [
            (title, {**options, "fields": [name for name in options["fields"] if name in shown]})
            for title, options in [*self.layout, more, *self.layout_end]
        ]
        return [fieldset for fieldset in fieldsets if fieldset[1]["fields"]]

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name in JSON_OBJECTS:
            kwargs["form_class"] = JSONObjectFormField
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(db_field, (models.CharField, models.TextField, models.JSONField)):
            # What is typed has a direction of its own, whatever that of the page is.
            field.widget.attrs.setdefault("dir", "ltr" if isinstance(db_field, models.JSONField) else "auto")
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.related_model is get_category_model() and db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", CategoryPathSelect(db_field, self.admin_site, using=kwargs.get("using")))
            kwargs.setdefault("form_class", CategoryPathField)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
