"""The admin's pages as a browser would use them: forms are filled with what the page shows, then changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.dispatch import Signal
from django.test import Client
from django.urls import reverse

from django_shopcore.catalog import get_category_model, get_product_model
from tests.users import make_user


def browser(user: Any) -> Client:
    """A browser of ``user``, in English whatever the project's language is."""
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


def make_superuser() -> Any:
    user = make_user(admin=True)
    user.is_superuser = True
    user.save()
    return user


def url(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def products_url(page: str = "changelist", *args: Any) -> str:
    return url(get_product_model(), page, *args)


def categories_url(page: str = "changelist", *args: Any) -> str:
    return url(get_category_model(), page, *args)


def _posted(form: Any) -> dict[str, Any]:
    values = {form.add_prefix(name): form[name].value() for name in form.fields}
    return {name: "on" if value is True else value for name, value in values.items() if value not in (None, False)}


def form_on(response: Any) -> dict[str, Any]:
    """What the change form on the page would send as it is."""
    assert response.status_code == 200
    return _posted(response.context["adminform"].form)


def list_on(response: Any) -> dict[str, Any]:
    """What the list on the page would send as it is."""
    formset = response.context["cl"].formset
    data = {"_save": "Save", **_posted(formset.management_form)}
    for form in formset.forms:
        data |= _posted(form)
        data[form.add_prefix(form.instance._meta.pk.name)] = str(form.instance.pk)
    return data


def line_of(response: Any, row: Any) -> str:
    """The prefix of the fields of ``row`` in the list on the page."""
    return next(str(form.prefix) for form in response.context["cl"].formset.forms if form.instance.pk == row.pk)


def rows_on(response: Any) -> list[str]:
    return [row.name for row in response.context["cl"].result_list]


def messages_on(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


@contextmanager
def heard(*signals: Signal) -> Iterator[list[dict[str, Any]]]:
    """What is sent meanwhile, in order."""
    calls: list[dict[str, Any]] = []

    def listen(signal: Signal, **kwargs: Any) -> None:
        calls.append({"signal": signal, **kwargs})

    for signal in signals:
        signal.connect(listen)
    try:
        yield calls
    finally:
        for signal in signals:
            signal.disconnect(listen)
