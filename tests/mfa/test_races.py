"""Second factors at once, with real threads: each code, challenge and enrolment gets one through.

Each guard has a negative control: the same race with the guard taken out goes wrong. The controls run on
PostgreSQL, whose transactions really overlap; SQLite has one writer at a time anyhow.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from django_shopcore.accounts.models import Session
from django_shopcore.mfa import challenges, login, services
from django_shopcore.mfa.models import Challenge, RecoveryCode, TotpDevice
from django_shopcore.mfa.querysets import ChallengeQuerySet, RecoveryCodeQuerySet, TotpDeviceQuerySet
from tests.mfa.clock import Clock
from tests.mfa.people import MFA, Member, second_step
from tests.parallel import at_once, only_postgresql
from tests.problems import problem_of
from tests.users import PASSWORD, make_user

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 20


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> None:
    settings.SHOPCORE_RATE_LIMITS = False


@pytest.fixture
def someone(clock: Clock, transactional_db: None) -> Member:
    return Member.enrolled(make_user(), clock)


def open_challenges(member: Member, number: int) -> list[str]:
    return [challenges.make(member.user, Challenge.Purpose.LOGIN) for _ in range(number)]


def statuses(answers: list[Any]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


@pytest.mark.parametrize("number", [20, 50])
def test_of_many_log_ins_with_one_code_one_succeeds(someone: Member, number: int) -> None:
    before, code = Session.objects.count(), someone.code()
    answers = at_once([partial(second_step, raw, code=code) for raw in open_challenges(someone, number)])
    assert statuses(answers) == [200] + [401] * (number - 1)
    losers = {problem_of(answer) for answer in answers if answer.status_code == 401}
    assert losers == {(401, "invalid_second_factor")}
    assert Session.objects.count() == before + 1


def no_row_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's row is read and not locked: the conditions in the statements are on their own."""
    from django_shopcore.core.users import fresh_users

    monkeypatch.setattr(login, "lock_users", lambda keys: list(fresh_users().filter(pk__in=keys)))
    monkeypatch.setattr(services, "lock_users", lambda keys: list(fresh_users().filter(pk__in=keys)))


def test_the_condition_is_enough_without_the_lock(someone: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    no_row_lock(monkeypatch)
    code = someone.code()
    answers = at_once([partial(second_step, raw, code=code) for raw in open_challenges(someone, MANY)])
    assert statuses(answers) == [200] + [401] * (MANY - 1)


@only_postgresql
def test_control_without_the_condition_many_succeed(someone: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TotpDeviceQuerySet, "before", lambda self, step: self)
    code = someone.code()
    answers = at_once([partial(second_step, raw, code=code) for raw in open_challenges(someone, MANY)])
    assert statuses(answers).count(200) > 1


def test_of_many_log_ins_with_one_recovery_code_one_succeeds(someone: Member) -> None:
    code = someone.recovery_codes[0]
    answers = at_once([partial(second_step, raw, recovery_code=code) for raw in open_challenges(someone, 50)])
    assert statuses(answers) == [200] + [401] * 49
    assert RecoveryCode.objects.unused().filter(user=someone.user).count() == 9


@only_postgresql
def test_control_without_the_condition_a_recovery_code_works_often(
    someone: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RecoveryCodeQuerySet, "unused", lambda self: self)
    code = someone.recovery_codes[0]
    answers = at_once([partial(second_step, raw, recovery_code=code) for raw in open_challenges(someone, MANY)])
    assert statuses(answers).count(200) > 1


def test_of_many_answers_to_one_challenge_one_succeeds(someone: Member, settings: Any) -> None:
    settings.SHOPCORE_MFA_CHALLENGE_ATTEMPTS = MANY
    settings.SHOPCORE_MFA_RECOVERY_CODES = MANY
    codes = someone.client.post(f"{MFA}recovery-codes/", someone.proofs()).json()["recovery_codes"]
    [raw] = open_challenges(someone, 1)
    answers = at_once([partial(second_step, raw, recovery_code=code) for code in codes])
    assert statuses(answers) == [200] + [401] * (MANY - 1)
    assert {problem_of(answer)[1] for answer in answers if answer.status_code == 401} == {"challenge_invalid"}
    assert RecoveryCode.objects.unused().filter(user=someone.user).count() == MANY - 1


@only_postgresql
def test_control_a_challenge_that_stays_open_opens_many_sessions(
    someone: Member, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SHOPCORE_MFA_CHALLENGE_ATTEMPTS = MANY
    monkeypatch.setattr(ChallengeQuerySet, "open", lambda self: self)
    [raw] = open_challenges(someone, 1)
    answers = at_once([partial(second_step, raw, recovery_code=code) for code in someone.recovery_codes])
    assert statuses(answers).count(200) > 1


def test_no_more_guesses_get_through_at_once_than_one_after_another(someone: Member) -> None:
    [raw] = open_challenges(someone, 1)
    answers = at_once([partial(second_step, raw, code="000000")] * 50)
    codes = [problem_of(answer)[1] for answer in answers]
    assert codes.count("invalid_second_factor") == 5
    assert codes.count("challenge_invalid") == 45


@only_postgresql
def test_control_attempts_that_are_read_and_then_counted(someone: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    from time import sleep

    def counted_later(self: Any, digest: str) -> bool:
        row = self.get(digest=digest)
        sleep(0.2)
        left = row.attempts < 5
        self.filter(pk=row.pk).update(attempts=row.attempts + 1)
        return left

    monkeypatch.setattr(ChallengeQuerySet, "count_attempt", counted_later)
    [raw] = open_challenges(someone, 1)
    answers = at_once([partial(second_step, raw, code="000000")] * MANY)
    assert [problem_of(answer)[1] for answer in answers].count("invalid_second_factor") > 5


@pytest.mark.parametrize("without_lock", [False, True])
def test_of_many_confirmations_one_turns_the_app_on(
    client: Any, clock: Clock, transactional_db: None, monkeypatch: pytest.MonkeyPatch, without_lock: bool
) -> None:
    if without_lock:
        no_row_lock(monkeypatch)
    secret = client.post(f"{MFA}totp/", {"password": PASSWORD}).json()["secret"]
    confirm = partial(client.post, f"{MFA}totp/confirm/", {"code": clock.code(secret)})
    answers = at_once([confirm] * MANY)
    assert statuses(answers) == [200] + [400] * (MANY - 1)
    assert TotpDevice.objects.active().count() == 1
    [winner] = [answer.json()["recovery_codes"] for answer in answers if answer.status_code == 200]
    assert RecoveryCode.objects.unused().count() == len(winner) == 10


@only_postgresql
def test_control_without_the_condition_many_confirm(
    client: Any, clock: Clock, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_shopcore.mfa import totp

    no_row_lock(monkeypatch)
    monkeypatch.setattr(TotpDeviceQuerySet, "waiting_for", lambda self, pending: self)
    secret = client.post(f"{MFA}totp/", {"password": PASSWORD}).json()["secret"]
    matching = totp.matching_step

    def slowly(*args: Any) -> Any:
        from time import sleep

        found = matching(*args)
        sleep(0.3)  # all have read the pending secret by then
        return found

    monkeypatch.setattr(totp, "matching_step", slowly)
    answers = at_once([partial(client.post, f"{MFA}totp/confirm/", {"code": clock.code(secret)})] * MANY)
    assert statuses(answers).count(200) > 1


def test_one_proof_changes_the_second_factor_once(someone: Member) -> None:
    proofs = someone.proofs()
    answers = at_once([partial(someone.client.post, f"{MFA}recovery-codes/", proofs)] * MANY)
    assert statuses(answers) == [200] + [400] * (MANY - 1)


def test_logging_in_while_the_factor_is_removed_ends_in_either_order(someone: Member) -> None:
    [raw] = open_challenges(someone, 1)
    removal = {"password": PASSWORD, "recovery_code": someone.recovery_codes[0]}
    answers = at_once(
        [
            partial(second_step, raw, recovery_code=someone.recovery_codes[1]),
            partial(someone.client.post, f"{MFA}totp/delete/", removal),
        ]
    )
    assert answers[0].status_code in (200, 401)
    assert answers[1].status_code == 204
    assert not TotpDevice.objects.exists()
    assert not RecoveryCode.objects.exists()
