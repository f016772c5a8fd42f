"""Which way each view that lists or shows rows to everybody reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import get_resolver
from rest_framework.settings import api_settings

from . import doctor
from .access import ANYONE, policy_for
from .checks import shopcore_routes
from .doctor import NOTE, OK, Finding
from .reading import way_of
from .views import ShopcoreViewSet
from .ways import may_vary, reasons, slower_filters

MEANING = {
    "compiled": "compiled: SQL kept for each shape of request",
    "columns": "columns: the queryset is built for each request",
    "instances": "instances: rows become objects, which the serializer shows",
    "view": "view: Django REST framework's ordinary way",
}


def register() -> None:
    doctor.register("Views", examine_views)


def examine_views(alias: str) -> Iterator[Finding]:
    if not getattr(settings, "ROOT_URLCONF", None):
        return
    seen = set()
    for view_class, actions in shopcore_routes(get_resolver()):
        for action in ("list", "retrieve"):
            known = (view_class, action) in seen or action not in actions or not issubclass(view_class, ShopcoreViewSet)
            if known or policy_for(view_class.access, action) is not ANYONE:
                continue
            seen.add((view_class, action))
            subject = f"{view_class.__qualname__}.{action}"
            try:
                yield from _examine(subject, view_asked(view_class, action), action)
            except Exception as error:  # noqa: BLE001 - code of the site's, which may want a real request
                said = f"cannot be told without a request ({type(error).__name__}: {error})"
                yield Finding(NOTE, subject, said, "Call core.reading.way_of in the view.")


def view_asked(view_class: Any, action: str) -> Any:
    """A view as it is when it is about to answer an anonymous request without parameters."""
    raw = HttpRequest()
    raw.method = "GET"
    raw.META = {
        "SERVER_NAME": (settings.ALLOWED_HOSTS or ["localhost"])[0].strip(".*") or "localhost",
        "SERVER_PORT": "80",
    }
    view = view_class()
    view.action_map, view.action, view.args, view.kwargs = {"get": action}, action, (), {}
    view.format_kwarg = None
    view.request = view.initialize_request(raw)
    nobody: Any = api_settings.UNAUTHENTICATED_USER
    view.request.user = nobody() if nobody else None
    return view


def _examine(subject: str, view: Any, action: str) -> Iterator[Finding]:
    way, why = way_of(view), reasons(view)
    if way == "compiled":
        yield Finding(OK, subject, MEANING[way])
    else:
        yield Finding(NOTE, subject, MEANING[way], f"The site's own are: {', '.join(why)}.")
    if action == "list" and way == "compiled" and (filters := slower_filters(view)):
        said = f"columns with the filters {', '.join(filters)}"
        yield Finding(NOTE, subject, said, "Plain comparisons of a column stay compiled.")
    if way == "compiled" and (parts := may_vary(view)):
        advice = "They may show something else to another reader. Fields of core.fields never do."
        yield Finding(NOTE, subject, f"not kept as responses, for {', '.join(parts)}", advice)
