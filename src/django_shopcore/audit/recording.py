"""Adding entries, in the transaction of what they tell of: what is rolled back has not happened."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router
from django.db.models import QuerySet

from django_shopcore.core.client import client_address
from django_shopcore.core.current_request import current_request
from django_shopcore.core.redaction import cut, safe_changes, safe_mapping
from django_shopcore.core.users import email_of

ACTION = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+", re.ASCII)
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
CURRENT_USER = object()
# From so many entries on it pays to ask the database first how it takes them fastest.
MANY = 50

# Labels of models of which a feature tells by events of its own: what Django's admin logs of them is left out.
told_elsewhere: set[str] = set()


@dataclass(frozen=True)
class Line:
    """What one entry tells: of ``obj``, a model's instance, or of what ``type``, ``key`` and ``title`` name.

    ``changes`` are pairs of a value before and after, by field; ``data`` is whatever else there is to know. Both may
    hold values of any kind: secrets, by the name or the look of them, are hidden, and long values cut. People belong
    into ``obj``, not into ``data``: what names them there is found and taken away when they are erased.
    """

    obj: Any = None
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    type: str = ""
    key: Any = ""
    title: str = ""


def record(
    action: str,
    *,
    obj: Any = None,
    changes: Mapping[str, tuple[Any, Any]] | None = None,
    data: Mapping[str, Any] | None = None,
    actor: Any = CURRENT_USER,
) -> None:
    """Adds one entry: see ``Line`` for ``obj``, ``changes`` and ``data``.

    ``action`` is a stable code of lower-case words with dots, ``order.refunded`` for one. ``actor`` is the user who
    did it, ``None`` for nobody; without it the user of the present request. Address, user agent and id of that
    request are added, unless ``actor`` is a text, the pseudonym of somebody whose account is gone. Call it in the
    transaction of the write. Raises ``ValueError`` for what is no such code.
    """
    record_many(action, [Line(obj, changes or {}, data or {})], actor=actor)


def record_many(action: str, lines: Iterable[Line], *, actor: Any = CURRENT_USER) -> None:
    """Adds an entry for each line, in one statement where there are many."""
    from django_shopcore.core.storing import BulkStore

    from .models import MAX_ACTION, AuditEntry

    if len(action) > MAX_ACTION or not ACTION.fullmatch(action):
        raise ValueError(f"{action!r} is no code of an action, such as order.refunded.")
    shared = {"action": action, **({"actor_key": actor} if isinstance(actor, str) else {**_actor(actor), **_origin()})}
    entries = [AuditEntry(**shared, **_line(line)) for line in lines]
    database = router.db_for_write(AuditEntry)
    if len(entries) == 1:
        entries[0].save(using=database)
    elif len(entries) < MANY:
        AuditEntry.objects.using(database).bulk_create(entries)
    else:
        with BulkStore(QuerySet(AuditEntry, using=database)) as store:
            store.insert(entries, keys=False)


def _actor(actor: Any) -> dict[str, str]:
    if actor is CURRENT_USER:
        actor = getattr(current_request(), "user", None)
    if actor is None or not actor.is_authenticated:
        return {}
    return {"actor_key": str(actor.pk), "actor": name_of(actor)}


def name_of(user: Any) -> str:
    """What identifies a user to people."""
    from .models import MAX_NAME

    return cut(email_of(user) or str(user.get_username()), MAX_NAME)


def _origin() -> dict[str, Any]:
    from .models import MAX_USER_AGENT

    request = current_request()
    if request is None:
        return {}
    agent = request.META.get("HTTP_USER_AGENT", "")[: MAX_USER_AGENT * 2]
    return {
        "ip_address": client_address(request) or None,
        "user_agent": cut("".join(filter(str.isprintable, agent)), MAX_USER_AGENT),
        "request_id": _request_id(request),
    }


def _request_id(request: Any) -> str:
    """The request's id, as a middleware of the site has set it (``request.id``), or as it came in its header."""
    for found in (getattr(request, "id", None), request.META.get("HTTP_X_REQUEST_ID")):
        if found is not None and REQUEST_ID.fullmatch(str(found)):
            return str(found)
    return ""


def _line(line: Line) -> dict[str, Any]:
    return {
        **_object(line),
        "changes": safe_changes(line.changes),
        "data": safe_mapping(line.data),
    }


def _object(line: Line) -> dict[str, str]:
    from .models import MAX_KEY, MAX_TITLE

    kind, key, title = line.type, str(line.key), line.title
    if line.obj is not None:
        kind, key = line.obj._meta.label_lower, str(line.obj.pk)
        title = title or (name_of(line.obj) if isinstance(line.obj, get_user_model()) else str(line.obj))
    return {
        "object_type": kind[:MAX_KEY],
        "object_key": key[:MAX_KEY],
        "object_title": cut(" ".join(title.split()), MAX_TITLE),
    }
