"""What Django's own apps hold on a person: the log of the admin, and sessions by cookie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import models, router
from django.utils.module_loading import import_string

from . import personal_data
from .personal_data import Person, in_batches
from .users import user_model

LOG, SESSIONS = "admin.LogEntry", "sessions.Session"


def register() -> None:
    if apps.is_installed("django.contrib.admin"):
        personal_data.register("admin_log", export=_log, erase=_erase_log, models=[LOG])
    if apps.is_installed("django.contrib.sessions"):
        personal_data.register("cookie_sessions", export=_sessions, erase=_end_sessions, models=[SESSIONS])


def _rows_of(label: str) -> models.QuerySet[Any]:
    model = apps.get_model(label)
    rows: models.QuerySet[Any] = model._default_manager.using(router.db_for_write(model))
    return rows


def _log(person: Person) -> Iterator[Any]:
    for row in in_batches(_rows_of(LOG).filter(user=person.key).select_related("content_type")):
        did = str(row.get_action_flag_display())
        yield {"time": row.action_time, "did": did, "on": str(row.content_type), "object": row.object_repr}


def _erase_log(person: Person) -> None:
    """What the person did goes with the user; here it is what others did to them."""
    from django.contrib.contenttypes.models import ContentType

    types = ContentType.objects.get_for_models(*personal_data.keyed_by_users()).values()
    _rows_of(LOG).filter(object_id=str(person.key), content_type__in=types).update(
        object_id=None, object_repr=person.pseudonym, change_message=""
    )
    for row in in_batches(_rows_of(LOG).filter(person.may_be_in("object_repr", "change_message"))):
        row.object_repr = person.leave(row.object_repr)[:200]
        row.change_message = person.leave(row.change_message)
        row.save(update_fields=["object_repr", "change_message"])


def _of(person: Person) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The sessions by cookie, which have no column for their user, with what is in them."""
    store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")()
    key = user_model()._meta.pk.value_to_string(person.user)
    for row in _rows_of(SESSIONS).order_by("pk").iterator(chunk_size=2000):
        content = store.decode(row.session_data)
        if str(content.get(SESSION_KEY)) == key:
            yield row, content


def _sessions(person: Person) -> Iterator[Any]:
    return ({"expires": row.expire_date} for row, _content in _of(person))


def _end_sessions(person: Person) -> None:
    _rows_of(SESSIONS).filter(pk__in=[row.pk for row, _content in _of(person)]).delete()
