"""What the log holds on a person, for ``core.personal_data``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.db.models.signals import post_delete

from django_shopcore.core import personal_data
from django_shopcore.core.personal_data import Person, in_batches
from django_shopcore.core.users import email_of, user_model

from .models import AuditEntry
from .upkeep import new_pseudonym, pseudonymise

EMAIL_CHANGED = "account.email_changed"


def register() -> None:
    personal_data.register(
        "audit",
        export=_entries,
        erase=lambda person: pseudonymise(person.key, {*person.addresses, person.name}, person.pseudonym),
        models=["shopcore_audit.AuditEntry"],
        addresses=_former_addresses,
    )
    # By code of the site's, which does not ask for an erasure.
    post_delete.connect(_forget, sender=settings.AUTH_USER_MODEL, dispatch_uid="shopcore_audit.forget")


def _forget(sender: Any, instance: Any, **kwargs: Any) -> None:
    pseudonymise(instance.pk, {email_of(instance), str(instance.get_username())}, new_pseudonym())


def _about(user_key: Any) -> Any:
    return AuditEntry.objects.fresh().about(user_model()._meta.label_lower, user_key)


def _former_addresses(user: Any) -> Iterable[str]:
    found = _about(user.pk).filter(action=EMAIL_CHANGED).values_list("changes", flat=True)
    return [str(address) for changes in found for address in changes.get("email", ())]


def _entries(person: Person) -> Iterator[dict[str, Any]]:
    """What the person did, and what was done to them: of that not by whom, who is a person too."""
    key, kind = str(person.key), user_model()._meta.label_lower
    theirs = Q(actor_key=key) | Q(object_type=kind, object_key=key)
    for entry in in_batches(AuditEntry.objects.fresh().filter(theirs)):
        own, about = entry.actor_key in (key, ""), (entry.object_type, entry.object_key) == (kind, key)
        yield {
            "created_at": entry.created_at,
            "action": entry.action,
            "object_type": entry.object_type,
            "object_id": entry.object_key,
            "ip_address": entry.ip_address if own else None,
            "user_agent": entry.user_agent if own else "",
            "changes": entry.changes if about else {},
            "data": entry.data if about else {},
        }
