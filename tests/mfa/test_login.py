"""Signing in where there is a second factor: the password opens a challenge, and that with a factor the session."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from django_shopcore.accounts.models import Session
from django_shopcore.mfa import signals
from django_shopcore.mfa.models import Challenge, RecoveryCode, TotpDevice, VerifiedSession
from tests.accounts.clients import works
from tests.mfa.clock import Clock
from tests.mfa.people import LOGIN, MFA, Member, second_step
from tests.problems import errors_of, problem_of
from tests.users import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def log_in(user: Any, password: str = PASSWORD) -> Any:
    return APIClient().post(LOGIN, {"email": user.email, "password": password})


def test_without_a_second_factor_the_password_is_enough() -> None:
    answer = log_in(make_user())
    assert set(answer.json()) == {"access", "refresh"}
    assert not Challenge.objects.exists()


def test_with_one_the_password_gives_a_challenge_and_no_session(member: Member) -> None:
    before = Session.objects.count()
    answer = log_in(member.user)
    body = answer.json()
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert len(body.pop("challenge")) >= 43
    assert body == {"mfa_required": True, "methods": ["totp", "recovery_code"], "expires_in": 300}
    assert Session.objects.count() == before


def test_a_wrong_password_tells_nothing_of_the_second_factor(member: Member) -> None:
    assert problem_of(log_in(member.user, "wrong")) == (401, "invalid_credentials")
    assert not Challenge.objects.filter(purpose="login").exists()


def test_challenge_and_code_open_a_session_that_has_shown_a_factor(member: Member) -> None:
    answer = second_step(member.challenge(), code=member.code())
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh"}
    assert works(answer.json()["access"])
    newest = Session.objects.latest("created_at")
    assert VerifiedSession.objects.get(session=newest).method == "totp"


def test_challenge_and_recovery_code_open_one_too_and_the_code_is_spent(member: Member) -> None:
    code = member.recovery_codes[3]
    assert second_step(member.challenge(), recovery_code=f" {code.upper().replace('-', ' ')} ").status_code == 200
    assert RecoveryCode.objects.unused().filter(user=member.user).count() == 9
    answer = second_step(member.challenge(), recovery_code=code)
    assert problem_of(answer) == (401, "invalid_second_factor")
    assert RecoveryCode.objects.unused().filter(user=member.user).count() == 9


def test_a_code_works_once(member: Member) -> None:
    code = member.code()
    assert second_step(member.challenge(), code=code).status_code == 200
    assert problem_of(second_step(member.challenge(), code=code)) == (401, "invalid_second_factor")


def test_nor_does_an_earlier_one_work_after_it(member: Member) -> None:
    member.clock.tick(3)
    earlier, present = member.clock.code(member.secret, -1), member.clock.code(member.secret)
    assert second_step(member.challenge(), code=present).status_code == 200
    assert problem_of(second_step(member.challenge(), code=earlier)) == (401, "invalid_second_factor")


def test_the_code_of_the_set_up_does_not_sign_in(clock: Clock) -> None:
    member = Member.enrolled(make_user(), clock)
    used = clock.code(member.secret, -1)
    assert problem_of(second_step(member.challenge(), code=used)) == (401, "invalid_second_factor")


@pytest.mark.parametrize(("offset", "status"), [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)])
def test_a_clock_may_be_a_step_off(member: Member, offset: int, status: int) -> None:
    member.clock.tick(5)
    assert second_step(member.challenge(), code=member.clock.code(member.secret, offset)).status_code == status


def test_a_challenge_opens_one_session(member: Member) -> None:
    challenge = member.challenge()
    assert second_step(challenge, code=member.code()).status_code == 200
    assert problem_of(second_step(challenge, code=member.code())) == (401, "challenge_invalid")
    assert problem_of(second_step(challenge, recovery_code=member.recovery_codes[0])) == (401, "challenge_invalid")
    assert RecoveryCode.objects.unused().filter(user=member.user).count() == 10


def test_after_five_wrong_codes_the_challenge_is_dead(member: Member) -> None:
    challenge = member.challenge()
    for _ in range(5):
        assert problem_of(second_step(challenge, code="000000")) == (401, "invalid_second_factor")
    assert problem_of(second_step(challenge, code=member.code())) == (401, "challenge_invalid")
    assert second_step(member.challenge(), code=member.code()).status_code == 200


def test_codes_are_limited_by_account_and_a_recovery_code_goes_on_working(member: Member, settings: Any) -> None:
    settings.SHOPCORE_MFA_CODE_RATE = "3/h"
    heard: list[str] = []
    signals.second_factor_failed.connect(lambda method, **kwargs: heard.append(method), weak=False)
    for _ in range(3):
        assert second_step(member.challenge(), code="000000").status_code == 401
    answer = second_step(member.challenge(), code=member.code())
    assert problem_of(answer) == (429, "rate_limited")
    assert int(answer["Retry-After"]) > 0
    assert heard == ["totp"] * 3
    assert second_step(member.challenge(), recovery_code=member.recovery_codes[0]).status_code == 200


def test_right_codes_do_not_count(member: Member, settings: Any) -> None:
    settings.SHOPCORE_MFA_CODE_RATE = "1/h"
    for _ in range(3):
        assert second_step(member.challenge(), code=member.code()).status_code == 200
    assert second_step(member.challenge(), code="000000").status_code == 401
    assert second_step(member.challenge(), code=member.code()).status_code == 429


def test_a_challenge_is_bound_to_its_moment(member: Member) -> None:
    challenge = member.challenge()
    Challenge.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert problem_of(second_step(challenge, code=member.code())) == (401, "challenge_invalid")


def test_a_new_password_ends_it(member: Member) -> None:
    challenge = member.challenge()
    member.user.set_password("another long secret")
    member.user.save()
    assert problem_of(second_step(challenge, code=member.code())) == (401, "challenge_invalid")


def test_so_does_a_deactivation(member: Member) -> None:
    challenge = member.challenge()
    member.user.is_active = False
    member.user.save()
    assert problem_of(second_step(challenge, code=member.code())) == (401, "challenge_invalid")
    assert not Session.objects.open().filter(user=member.user, created_at__gt=timezone.now()).exists()


def test_a_challenge_is_no_token(member: Member) -> None:
    challenge = member.challenge()
    assert not works(challenge)
    refreshed = APIClient().post("/api/v1/auth/refresh/", {"refresh": challenge})
    assert problem_of(refreshed) == (401, "token_invalid")


def test_a_token_is_no_challenge(member: Member) -> None:
    tokens = second_step(member.challenge(), code=member.code()).json()
    for raw in (tokens["access"], tokens["refresh"]):
        assert problem_of(second_step(raw, code=member.code())) == (401, "challenge_invalid")


def test_the_database_holds_no_challenge_secret_or_code(member: Member) -> None:
    challenge = member.challenge()
    rows = [
        str(list(model.objects.values())) for model in (Challenge, TotpDevice, RecoveryCode)
    ]  # fmt: skip
    for secret in (challenge, member.secret, *member.recovery_codes):
        assert all(secret not in row and secret.replace("-", "") not in row for row in rows)


def test_the_challenge_of_one_takes_no_factor_of_another(member: Member, clock: Clock) -> None:
    other = Member.enrolled(make_user(), clock)
    answer = second_step(member.challenge(), code=other.code())
    assert problem_of(answer) == (401, "invalid_second_factor")
    answer = second_step(member.challenge(), recovery_code=other.recovery_codes[0])
    assert problem_of(answer) == (401, "invalid_second_factor")
    assert RecoveryCode.objects.unused().filter(user=other.user).count() == 10


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("challenge", "required")]),
        ({"challenge": "x"}, [("", "one_of_them")]),
        ({"challenge": "x", "code": "123456", "recovery_code": "y"}, [("", "one_of_them")]),
        ({"challenge": 5, "code": "123456"}, [("challenge", "invalid")]),
        ({"challenge": "x", "code": 123456}, [("code", "invalid")]),
        ({"challenge": "x", "code": ""}, [("code", "blank")]),
        ({"challenge": "x", "passkey": "text"}, [("passkey", "not_an_object")]),
        ({"challenge": "x", "code": "1" * 65}, [("code", "max_length")]),
    ],
)
def test_a_malformed_body_is_400(body: dict[str, Any], errors: list[tuple[str, str]]) -> None:
    assert errors_of(APIClient().post(f"{MFA}login/", body)) == errors


@pytest.mark.parametrize("code", ["١٢٣٤٥٦", "12345", "1234567", "abcdef", "-12345", "１２３４５６", "𝟏𝟐𝟑𝟒𝟓𝟔"])
def test_what_is_no_code_is_a_wrong_one(member: Member, code: str) -> None:
    assert problem_of(second_step(member.challenge(), code=code)) == (401, "invalid_second_factor")


def test_a_code_may_come_in_groups_as_apps_show_it(member: Member) -> None:
    code = member.code()
    assert second_step(member.challenge(), code=f"{code[:3]} {code[3:]}").status_code == 200


def test_a_new_password_by_mail_signs_nobody_in_and_leaves_the_second_factor(member: Member) -> None:
    from django_shopcore.accounts import link_tokens

    values = {
        "uid": link_tokens.encode(member.user.pk),
        "token": link_tokens.password_reset.make_token(member.user),
        "new_password": "another long secret",
    }
    answer = APIClient().post("/api/v1/auth/password/reset/confirm/", values)
    assert answer.status_code == 204
    assert not answer.content
    assert log_in(member.user, "another long secret").json()["mfa_required"] is True


def test_refreshing_goes_on_without_another_factor(member: Member) -> None:
    tokens = second_step(member.challenge(), code=member.code()).json()
    refreshed = APIClient().post("/api/v1/auth/refresh/", {"refresh": tokens["refresh"]})
    assert refreshed.status_code == 200
    assert works(refreshed.json()["access"])
