"""The owner of an account hears by mail of each change of its second factor."""

from __future__ import annotations

from typing import Any

import pytest

from django_shopcore.mfa import services
from tests.accounts.mails import deliver, deliver_to, posted
from tests.mfa.authenticator import Authenticator
from tests.mfa.clock import Clock
from tests.mfa.people import MFA, Member, second_step
from tests.users import PASSWORD, make_user

pytestmark = [pytest.mark.projects("full"), pytest.mark.django_db]

KINDS = (
    "second_factor_added", "second_factor_removed", "second_factor_reset", "recovery_code_used", "recovery_codes_made"
)  # fmt: skip


def told() -> list[str]:
    return [kind for kind, _address, _state in posted() if kind in KINDS]


def test_of_a_new_one(clock: Clock) -> None:
    user = make_user()
    Member.enrolled(user, clock)
    assert told() == ["second_factor_added"]
    message = deliver_to(user.email)
    assert "authenticator app was added" in message.body
    assert "takes a second factor now" in message.body


def test_of_a_passkey(client: Any) -> None:
    options = client.post(f"{MFA}passkeys/options/", {"password": PASSWORD}).json()
    client.post(f"{MFA}passkeys/", {"passkey": Authenticator().create(options)})
    assert "A passkey was added" in deliver_to(client.user.email).body


def test_of_its_removal(member: Member) -> None:
    deliver()
    member.client.post(f"{MFA}totp/delete/", member.proofs())
    body = deliver_to(member.user.email).body
    assert "authenticator app was removed" in body
    assert "The password alone is enough" in body


def test_of_a_used_recovery_code_and_of_new_ones(member: Member) -> None:
    deliver()
    assert second_step(member.challenge(), recovery_code=member.recovery_codes[0]).status_code == 200
    messages = [message for message in deliver() if "recovery code" in message.subject.lower()]
    assert ["9 are left" in message.body for message in messages] == [True]
    member.client.post(f"{MFA}recovery-codes/", member.proofs())
    assert "The old ones do not work" in deliver_to(member.user.email).body


def test_of_a_reset(member: Member) -> None:
    deliver()
    services.reset(member.user)
    assert "removed every second factor" in deliver_to(member.user.email).body


def test_no_message_holds_a_secret(member: Member) -> None:
    second_step(member.challenge(), recovery_code=member.recovery_codes[0])
    member.client.post(f"{MFA}recovery-codes/", member.proofs())
    bodies = " ".join(message.body for message in deliver())
    for secret in (member.secret, *member.recovery_codes):
        assert secret not in bodies


def test_a_wrong_code_tells_nobody(member: Member) -> None:
    before = posted()
    second_step(member.challenge(), code="000000")
    second_step(member.challenge(), recovery_code="aaaa-bbbb-cccc-dddd")
    assert posted() == before


@pytest.mark.parametrize("kind", KINDS)
def test_these_mails_cannot_be_turned_off(client: Any, kind: str) -> None:
    answer = client.patch("/api/v1/notifications/preferences/", {"kinds": {kind: {"email": False}}})
    assert answer.status_code == 400
