"""Whether what was registered of personal data can be right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from . import doctor, personal_data
from .doctor import NOTE, OK, Finding


@register(Tags.models)
def check_registrations(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E013: a registration names no model, or says that rows go with the user that would stay."""
    messages: list[CheckMessage] = [
        Error(
            f"personal_data.register({name!r}) names {label}, which is no installed model.",
            hint='Write it as "app_label.Model".',
            id="shopcore.E013",
        )
        for label, name in personal_data.misnamed().items()
    ]
    try:
        kept = personal_data.kept_with_the_person()
    except ImproperlyConfigured:
        return messages  # there is no user model, which Django reports
    return messages + [
        Error(
            f"{relation} is registered with erase=None, and its rows do not go with the user.",
            hint="Give an erase function that deletes them or takes the person out, or use on_delete=CASCADE.",
            id="shopcore.E013",
        )
        for relation in kept
    ]


def examine(alias: str) -> Iterator[Finding]:
    relations = personal_data.unregistered()
    for relation in relations:
        advice = "Say in personal_data.register() what becomes of it; see docs/how-to/personal-data.md."
        yield Finding(NOTE, relation, "refers to users, and is in no export of what is held on them", advice)
    if not relations:
        yield Finding(OK, "relations to users", "all are registered")


def register_examination() -> None:
    doctor.register("Personal data", examine)
