"""The two ways in which entries end: by their age, and with the person whom they name."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Iterable
from typing import Any

from django.db import models, router, transaction
from django.db.models import Q
from django.utils import timezone

from django_shopcore.core.keys import parse_key
from django_shopcore.core.personal_data import keyed_by_users
from django_shopcore.core.users import fresh_users, user_model

from .conf import app_settings
from .models import AuditEntry
from .names import KIND, name_hash

BATCH = 1000
ERASED = "erased-"
# For how long an entry may come after the erasure of the person in it: a request that ran at the same time wrote it.
LATE = datetime.timedelta(days=1)


def _rows() -> models.QuerySet[AuditEntry]:
    """All entries, by a queryset that may change and delete them."""
    return models.QuerySet(AuditEntry, using=router.db_for_write(AuditEntry))


def prune() -> int:
    """Deletes entries older than ``SHOPCORE_AUDIT_RETENTION_DAYS``, some at a time; returns how many."""
    if app_settings.RETENTION_DAYS is None:
        return 0
    before = timezone.now() - datetime.timedelta(days=app_settings.RETENTION_DAYS)
    oldest = _rows().filter(created_at__lt=before).order_by("created_at", "pk")
    deleted = 0
    while keys := list(oldest.values_list("pk", flat=True)[:BATCH]):
        deleted += _rows().filter(pk__in=keys).delete()[0]
    return deleted


def new_pseudonym() -> str:
    return f"{ERASED}{secrets.token_hex(6)}"


def pseudonymise(user_key: Any, names: Iterable[str], pseudonym: str) -> int:
    """Takes a person out of the log; returns how many entries named them.

    What they did, and what was done to them, stays, under a pseudonym that says no more than that it was one person.
    ``names`` are what they may have signed in by: entries hold those as hashes.
    """
    key = str(user_key)
    nowhere = {"ip_address": None, "user_agent": "", "request_id": ""}
    unnamed = {"object_key": pseudonym, "object_title": "", "changes": {}, "data": {}}
    kinds = [model._meta.label_lower for model in keyed_by_users()]
    about = _rows().filter(object_type__in=kinds, object_key=key)
    of_names = _rows().filter(object_type=KIND, object_key__in=[name_hash(name) for name in names])
    with transaction.atomic(using=router.db_for_write(AuditEntry)):
        # Where others were when they did something to the person is theirs.
        count = about.filter(Q(actor_key="") | Q(actor_key=key)).update(**nowhere, **unnamed)
        count += about.update(**unnamed)
        count += of_names.update(**nowhere, object_key=pseudonym)
        return count + _rows().filter(actor_key=key).update(**nowhere, actor_key=pseudonym, actor="")


def forget_the_deleted() -> int:
    """Takes those out of the log who were erased while an entry of theirs was being written; returns how many."""
    user_type = user_model()._meta.label_lower
    recent = _rows().filter(created_at__gt=timezone.now() - LATE).order_by()
    actors = recent.exclude(actor_key="").values_list("actor_key", flat=True)
    people = recent.filter(object_type=user_type).values_list("object_key", flat=True)
    named = {key for key in {*actors.distinct(), *people.distinct()} if not key.startswith(ERASED)}
    gone = named - _present(named)
    for key in gone:
        pseudonymise(key, (), new_pseudonym())
    return len(gone)


def _present(named: Iterable[str]) -> set[str]:
    keys = [key for name in named if (key := parse_key(user_model(), name)) is not None]
    slices = (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))
    return {str(key) for some in slices for key in fresh_users().filter(pk__in=some).values_list("pk", flat=True)}
