"""What is logged of second factors."""

from __future__ import annotations

import pytest

from django_shopcore.audit.models import AuditEntry
from django_shopcore.mfa import signals
from tests.users import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full")]


def test_each_event_has_an_entry() -> None:
    user = make_user()
    signals.factor_added.send(sender=type(user), user=user, method="totp", first=True)
    signals.recovery_code_used.send(sender=type(user), user=user, left=7)
    signals.second_factor_failed.send(sender=type(user), user=user, method="passkey", request=None)
    found = AuditEntry.objects.order_by("pk").values_list("action", "object_key", "data")
    assert list(found) == [
        ("mfa.factor_added", str(user.pk), {"method": "totp", "first": True}),
        ("mfa.recovery_code_used", str(user.pk), {"left": 7}),
        ("mfa.second_factor_failed", str(user.pk), {"method": "passkey"}),
    ]
