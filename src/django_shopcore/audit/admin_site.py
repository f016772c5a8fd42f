"""What is done in the Django admin to models that nobody else logs: as Django's own log has it."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db.models.signals import post_save

from .recording import Line, record_many, told_elsewhere

ACTIONS = {ADDITION: "admin.created", CHANGE: "admin.updated", DELETION: "admin.deleted"}


def _logged(sender: Any, instance: LogEntry, created: bool, raw: bool = False, **kwargs: Any) -> None:
    if raw or not created or instance.content_type is None or instance.action_flag not in ACTIONS:
        return
    kind = f"{instance.content_type.app_label}.{instance.content_type.model}"
    if kind in told_elsewhere:
        return
    # Without a title: it may name a person.
    line = Line(type=kind, key=instance.object_id or "", data={"fields": _fields(instance)})
    record_many(ACTIONS[instance.action_flag], [line], actor=instance.user)


def _fields(entry: LogEntry) -> list[str]:
    """The fields that the message names as changed, as they are called on the page."""
    try:
        parts = json.loads(entry.change_message or "[]")
    except ValueError:
        return []  # a text of the site's own
    found = [part.get("changed", {}).get("fields", []) for part in parts if isinstance(part, dict)]
    return [str(name) for names in found for name in names]


post_save.connect(_logged, sender=LogEntry, dispatch_uid="shopcore_audit.admin")
