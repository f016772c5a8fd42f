"""Setting up, changing and taking away second factors: the owner's password and factor are asked each time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_shopcore.accounts.models import Session
from django_shopcore.mfa import encryption, signals
from django_shopcore.mfa.models import Challenge, RecoveryCode, TotpDevice, VerifiedSession
from tests.accounts.clients import tokens_of, works
from tests.mfa.clock import Clock
from tests.mfa.people import MFA, Member, second_step
from tests.problems import errors_of, problem_of
from tests.users import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def begin(client: Any, **proof: str) -> Any:
    return client.post(f"{MFA}totp/", {"password": PASSWORD, **proof})


def confirm(client: Any, code: str) -> Any:
    return client.post(f"{MFA}totp/confirm/", {"code": code})


def test_a_new_account_has_nothing(client: Any) -> None:
    answer = client.get(MFA)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert answer.json() == {
        "enabled": False, "required": False, "totp": None, "passkeys": [], "recovery_codes_left": 0
    }  # fmt: skip


def test_setting_up_shows_the_secret_once_and_is_nothing_before_its_first_code(client: Any, clock: Clock) -> None:
    body = begin(client).json()
    assert set(body) == {"secret", "otpauth_uri"}
    uri = urlsplit(body["otpauth_uri"])
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert unquote(uri.path) == f"/shop.example:{client.user.email}"
    assert parse_qs(uri.query) == {"secret": [body["secret"]], "issuer": ["shop.example"]}
    assert len(body["secret"]) == 32
    assert client.get(MFA).json()["enabled"] is False
    assert "mfa_required" not in _log_in(client.user)


def _log_in(user: Any) -> Any:
    from tests.mfa.test_login import log_in

    return log_in(user).json()


def test_the_first_code_turns_it_on_and_shows_recovery_codes_once(client: Any, clock: Clock) -> None:
    secret = begin(client).json()["secret"]
    answer = confirm(client, clock.code(secret))
    codes = answer.json()["recovery_codes"]
    assert len(set(codes)) == 10
    assert all(len(code) == 19 for code in codes)
    shown = client.get(MFA)
    assert shown.json()["totp"].keys() == {"enabled_at", "last_used_at"}
    assert shown.json()["recovery_codes_left"] == 10
    assert secret not in shown.content.decode()
    assert not any(code in shown.content.decode() for code in codes)


def test_it_ends_the_other_sessions_which_the_password_alone_had_opened(client: Any, clock: Clock) -> None:
    other = tokens_of(client.user)
    stranger = tokens_of(make_user())
    secret = begin(client).json()["secret"]
    assert works(other.access)
    confirm(client, clock.code(secret))
    assert not works(other.access)
    assert works(stranger.access)
    assert client.get(MFA).status_code == 200
    assert VerifiedSession.objects.get().session.user == client.user


@pytest.mark.parametrize("code", ["000000", "", "١٢٣٤٥٦"])
def test_a_wrong_code_turns_nothing_on(client: Any, clock: Clock, code: str) -> None:
    begin(client)
    assert [field for field, _ in errors_of(confirm(client, code))] == ["code"]
    assert not TotpDevice.objects.active().exists()


def test_nor_does_a_code_without_a_beginning_or_too_late(client: Any, clock: Clock) -> None:
    assert errors_of(confirm(client, "123456")) == [("code", "invalid_code")]
    secret = begin(client).json()["secret"]
    TotpDevice.objects.update(pending_until=timezone.now() - timedelta(seconds=1))
    assert errors_of(confirm(client, clock.code(secret))) == [("code", "invalid_code")]
    assert not TotpDevice.objects.active().exists()


def test_guesses_at_the_first_code_are_limited(client: Any, settings: Any) -> None:
    settings.SHOPCORE_MFA_CODE_RATE = "2/h"
    begin(client)
    assert [confirm(client, "000000").status_code for _ in range(3)] == [400, 400, 429]


@pytest.mark.parametrize("path", ["totp/", "totp/delete/", "recovery-codes/", "passkeys/options/"])
def test_each_change_asks_for_the_password(client: Any, member: Member, path: str) -> None:
    assert errors_of(client.post(f"{MFA}{path}", {"password": "wrong"})) == [("password", "invalid_password")]
    assert errors_of(client.post(f"{MFA}{path}", {})) == [("password", "required")]
    wrong = {"password": "wrong", "code": member.code()}
    assert errors_of(member.client.post(f"{MFA}{path}", wrong)) == [("password", "invalid_password")]


@pytest.mark.parametrize("path", ["totp/", "totp/delete/", "recovery-codes/", "passkeys/options/"])
def test_and_for_a_second_factor_where_there_is_one(member: Member, path: str) -> None:
    url = f"{MFA}{path}"
    assert errors_of(member.client.post(url, {"password": PASSWORD})) == [("", "second_factor_required")]
    wrong = {"password": PASSWORD, "code": "000000"}
    assert errors_of(member.client.post(url, wrong)) == [("code", "invalid_second_factor")]
    wrong = {"password": PASSWORD, "recovery_code": "aaaa-bbbb-cccc-dddd"}
    assert errors_of(member.client.post(url, wrong)) == [("recovery_code", "invalid_second_factor")]
    assert TotpDevice.objects.active().count() == 1
    assert RecoveryCode.objects.unused().count() == 10
    assert member.client.post(url, member.proofs()).status_code in (200, 204)


def test_a_new_app_takes_the_place_of_the_old_one_once_it_is_confirmed(member: Member, clock: Clock) -> None:
    secret = begin(member.client, code=member.code()).json()["secret"]
    assert second_step(member.challenge(), code=member.code()).status_code == 200  # the old one still works
    clock.tick()
    answer = confirm(member.client, clock.code(secret))
    assert answer.json() == {"recovery_codes": None}
    clock.tick()
    assert problem_of(second_step(member.challenge(), code=clock.code(member.secret)))[0] == 401
    assert second_step(member.challenge(), code=clock.code(secret)).status_code == 200
    assert RecoveryCode.objects.unused().count() == 10


def test_removing_the_last_factor_leaves_nothing_of_it(member: Member) -> None:
    member.challenge()
    assert member.client.post(f"{MFA}totp/delete/", member.proofs()).status_code == 204
    assert member.client.get(MFA).json()["enabled"] is False
    for model in (TotpDevice, RecoveryCode, Challenge, VerifiedSession):
        assert not model._default_manager.exists()
    assert set(_log_in(member.user)) == {"access", "refresh"}


def test_a_recovery_code_removes_a_lost_app(member: Member) -> None:
    proofs = {"password": PASSWORD, "recovery_code": member.recovery_codes[0]}
    assert member.client.post(f"{MFA}totp/delete/", proofs).status_code == 204
    assert not TotpDevice.objects.exists()


def test_what_is_not_there_is_not_removed(client: Any) -> None:
    for path in ("totp/delete/", "recovery-codes/"):
        assert problem_of(client.post(f"{MFA}{path}", {"password": PASSWORD})) == (409, "no_second_factor")
    assert not RecoveryCode.objects.exists()


def test_new_recovery_codes_make_the_old_ones_void(member: Member) -> None:
    codes = member.client.post(f"{MFA}recovery-codes/", member.proofs()).json()["recovery_codes"]
    assert len(codes) == 10
    assert not set(codes) & set(member.recovery_codes)
    old = second_step(member.challenge(), recovery_code=member.recovery_codes[0])
    assert problem_of(old) == (401, "invalid_second_factor")
    assert second_step(member.challenge(), recovery_code=codes[0]).status_code == 200


def test_two_proofs_at_once_are_refused_and_none_is_spent(member: Member) -> None:
    body = {**member.proofs(), "recovery_code": member.recovery_codes[0]}
    assert errors_of(member.client.post(f"{MFA}recovery-codes/", body)) == [("", "one_of_them")]
    assert RecoveryCode.objects.unused().count() == 10


def test_events_are_sent_with_the_change(client: Any, clock: Clock) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []
    for name in ("factor_added", "factor_removed", "recovery_codes_made", "recovery_code_used"):

        def hear(sender: Any, signal: Any, user: Any, name: str = name, **event: Any) -> None:
            assert connection.in_atomic_block
            heard.append((name, event))

        getattr(signals, name).connect(hear, weak=False)
    member = Member.enrolled(client.user, clock)
    member.client.post(f"{MFA}recovery-codes/", member.proofs())
    code = member.client.post(f"{MFA}recovery-codes/", member.proofs()).json()["recovery_codes"][0]
    member.client.post(f"{MFA}totp/delete/", {"password": PASSWORD, "recovery_code": code})
    assert heard == [
        ("factor_added", {"method": "totp", "first": True}),
        ("recovery_codes_made", {}),
        ("recovery_codes_made", {}),
        ("recovery_code_used", {"left": 9}),
        ("factor_removed", {"method": "totp", "last": True}),
    ]


def test_a_deleted_account_leaves_nothing(member: Member) -> None:
    member.challenge()
    assert member.client.post("/api/v1/auth/me/delete/", {"password": PASSWORD}).status_code == 204
    for model in (TotpDevice, RecoveryCode, Challenge, VerifiedSession, Session):
        assert not model._default_manager.exists()


def test_one_sees_and_changes_ones_own_only(member: Member, client: Any) -> None:
    assert client.get(MFA).json()["enabled"] is False
    answer = client.post(f"{MFA}totp/delete/", {"password": PASSWORD, "code": member.code()})
    assert problem_of(answer) == (409, "no_second_factor")
    assert TotpDevice.objects.active().get().user == member.user


def test_reading_takes_a_fixed_number_of_queries(member: Member) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert member.client.get(MFA).status_code == 200
    assert len(captured) == 4  # the session with the user, the app, the passkeys, the codes that are left


def test_secrets_are_encrypted_and_survive_a_change_of_the_key(member: Member, settings: Any) -> None:
    stored = TotpDevice.objects.get().secret
    assert member.secret not in stored
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret of the tests, long enough for anybody"
    assert second_step(member.challenge(), code=member.code()).status_code == 200
    renewed = TotpDevice.objects.get().secret
    assert renewed != stored
    settings.SECRET_KEY_FALLBACKS = []
    assert encryption.decrypt(member.user, renewed) == member.secret
    assert encryption.decrypt(member.user, stored) is None


def test_with_a_lost_key_codes_are_wrong_and_recovery_codes_help(member: Member, settings: Any) -> None:
    settings.SECRET_KEY = "another secret of the tests, long enough for anybody"
    challenge = member.challenge()
    assert problem_of(second_step(challenge, code=member.code())) == (401, "invalid_second_factor")
    assert second_step(challenge, recovery_code=member.recovery_codes[0]).status_code == 200


def test_a_secret_copied_to_another_account_is_of_no_use(member: Member, clock: Clock) -> None:
    thief = Member.enrolled(make_user(), clock)
    TotpDevice.objects.filter(user=member.user).update(secret=TotpDevice.objects.get(user=thief.user).secret)
    assert problem_of(second_step(member.challenge(), code=thief.code())) == (401, "invalid_second_factor")
