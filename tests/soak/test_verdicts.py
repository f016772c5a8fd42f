"""What a soak calls broken: for each promise a run that keeps it, and one that does not."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.soak import faults, report, verdicts
from tests.soak.ledger import CHECKS, DROPPED, SLOW, UNAVAILABLE, Burst, Failure, Ledger, Memory, Rows, Seen, Window
from tests.soak.pace import Pace

PACE = Pace.of(30)
MESSAGE = "0a1b2c3d-0000-4000-8000-000000000000"
ARRIVED = {MESSAGE.replace("-", "")}


def kept() -> Ledger:
    """A run of half an hour in which nothing happened but what should."""
    ledger = Ledger()
    ledger.sign_ins = [float(second) for second in range(0, 1800, 2)]
    for at in range(0, 1800, 5):
        tables = {verdicts.SESSIONS: min(at // 2, 100), verdicts.OUTBOX: min(at, 90)}
        ledger.rows.append(Rows(at, tables, dict.fromkeys(tables, 0), at, 0.5))
        ledger.memory += [Memory(at, name, 70_000, 80_000 + at % 7) for name in ("sync 1", "gthread 2", "deliver 3")]
    ledger.messages = {MESSAGE: Seen("welcome", "sent", "ada")}
    ledger.welcomed["ada@example.com"] = 1
    ledger.bursts = [Burst(100, 101, 28, 20, 20, 8)]
    ledger.checks.update(CHECKS)
    return ledger


def judged(
    ledger: Ledger, *, arrived: Any = frozenset(ARRIVED), welcomes: int = 1, people: Any = frozenset({"ada"})
) -> list[tuple[str, str]]:
    found = verdicts.judge(ledger, PACE, arrived, {"ada@example.com": welcomes}, people)
    return [(violation.promise, violation.what) for violation in found]


def failure(kind: str, begin: float, *, retry_after: bool = True) -> Failure:
    return Failure(kind, begin, begin + 1, "GET products/", "soak-1", retry_after)


def window(permits: str = "", touches: str = "", begin: float = 200, end: float = 205) -> Window:
    return Window("a fault", begin, end, 5, frozenset(permits.split()), frozenset(touches.split()))


def test_a_run_in_which_all_is_kept_has_no_violation() -> None:
    assert judged(kept()) == []


@pytest.mark.parametrize("check", CHECKS)
def test_what_was_never_looked_at_was_not_kept(check: str) -> None:
    ledger = kept()
    del ledger.checks[check]

    assert judged(ledger) == [("the soak was whole", f"{check}: none")]


def test_a_soak_in_which_no_limit_could_be_judged_is_not_whole() -> None:
    ledger = kept()
    ledger.bursts = []

    assert judged(ledger) == [("the soak was whole", "limits spent: none")]


@pytest.mark.parametrize("kind", ["500", "503", "404", DROPPED, SLOW])
def test_an_answer_that_was_not_due_breaks_the_promise_outside_of_windows(kind: str) -> None:
    ledger = kept()
    ledger.windows = [window("503 dropped timeout")]
    ledger.failures = [failure(kind, 211)]

    assert judged(ledger) == [("statuses", f"GET products/: {kind}")]


@pytest.mark.parametrize("kind", [UNAVAILABLE, DROPPED, SLOW])
@pytest.mark.parametrize("begin", [199.5, 203, 209.9])
def test_a_window_excuses_what_its_fault_permits_until_the_recovery_is_due(kind: str, begin: float) -> None:
    ledger = kept()
    ledger.windows = [window(kind)]
    ledger.failures = [failure(kind, begin)]

    assert judged(ledger) == []
    ledger.windows = [window({UNAVAILABLE: DROPPED}.get(kind, UNAVAILABLE))]
    assert judged(ledger) == [("statuses", f"GET products/: {kind} (a fault)")]


@pytest.mark.parametrize("kind", ["500", "502", "401"])
def test_no_window_excuses_any_other_status(kind: str) -> None:
    ledger = kept()
    ledger.windows = [window("503 dropped timeout")]
    ledger.failures = [failure(kind, 203)]

    assert judged(ledger) == [("statuses", f"GET products/: {kind} (a fault)")]


def test_no_window_excuses_a_503_that_does_not_say_when_to_come_again() -> None:
    ledger = kept()
    ledger.windows = [window("503")]
    ledger.failures = [failure(UNAVAILABLE, 203, retry_after=False)]

    assert judged(ledger) == [("statuses", "GET products/: 503 without Retry-After (a fault)")]


def test_what_a_checker_saw_is_a_violation() -> None:
    ledger = kept()
    ledger.breaks(verdicts.FRESH, "version 1 after version 2")

    assert judged(ledger) == [("no stale read", "version 1 after version 2")]


@pytest.mark.parametrize("admitted", [19, 21, 28])
def test_a_limit_admits_exactly_its_number(admitted: int) -> None:
    ledger = kept()
    ledger.bursts.append(Burst(203, 204, 28, 20, admitted, 28 - admitted))

    assert judged(ledger) == [("exactly N of a limit", f"{admitted} of 28 admitted, not 20")]
    ledger.windows = [window(touches="limits")]
    assert judged(ledger) == []
    ledger.windows = [window(touches="mail")]
    assert len(judged(ledger)) == 1


@pytest.mark.parametrize(("admitted", "refused", "violations"), [(19, 7, 0), (20, 7, 0), (21, 5, 1)])
def test_a_limit_is_judged_without_some_of_the_answers_only_if_it_admitted_too_many(
    admitted: int, refused: int, violations: int
) -> None:
    ledger = kept()
    ledger.bursts.append(Burst(203, 204, 28, 20, admitted, refused))

    assert len(judged(ledger)) == violations


def test_a_mail_that_was_sent_must_have_arrived() -> None:
    assert judged(kept(), arrived=set()) == [("no mail lost or late", "1 of welcome (sent) never arrived")]


def test_a_message_that_waits_is_lost_unless_its_user_is_gone() -> None:
    ledger = kept()
    ledger.messages[MESSAGE].state = "pending"

    assert judged(ledger, arrived=set()) == [("no mail lost or late", "1 of welcome (pending) never arrived")]
    assert judged(ledger, arrived=set(), people=set()) == []


def test_a_message_that_was_given_up_is_lost() -> None:
    ledger = kept()
    ledger.messages[MESSAGE].state = "dead"

    assert judged(ledger) == [("no mail lost or late", "a message (welcome) was given up")]


def test_who_was_told_to_have_registered_is_welcomed() -> None:
    what = "ada@example.com registered 1 times and was welcomed 0 times"

    assert judged(kept(), welcomes=0) == [("no mail lost or late", what)]


def test_a_message_waits_no_longer_than_a_minute_after_an_outage() -> None:
    ledger = kept()
    late = Rows(300, {}, {}, 300, 95)
    ledger.rows.append(late)

    assert judged(ledger) == [("no mail lost or late", "a message has waited for 95 s")]
    ledger.windows = [window(touches="mail", begin=200, end=240)]
    assert judged(ledger) == []
    ledger.windows = [window(touches="mail", begin=200, end=230)]
    assert len(judged(ledger)) == 1


@pytest.mark.parametrize("table", [verdicts.SESSIONS, verdicts.OUTBOX])
def test_a_table_has_no_more_rows_than_were_made_in_the_time_that_one_lives(table: str) -> None:
    ledger = kept()
    for rows in ledger.rows:
        rows.tables[table] = int(rows.at) if table == verdicts.OUTBOX else int(rows.at / 2)

    [(promise, what)] = judged(ledger)
    assert promise == "rows are bounded"
    assert what.startswith(f"{table} has ")


def test_the_clean_up_comes_in_time() -> None:
    ledger = kept()
    for rows in ledger.rows[50:60]:
        rows.overdue[verdicts.SESSIONS] = 3

    what = "shopcore_accounts_session has 3 rows that should have been deleted by then"
    assert judged(ledger) == [("rows are bounded", what)]


def test_a_process_that_grows_by_more_than_a_twentieth_is_named() -> None:
    ledger = kept()
    ledger.memory = [
        Memory(one.at, one.process, one.pss, one.rss + int(one.at * (5 if one.process == "sync 1" else 2)))
        for one in ledger.memory
    ]

    [(promise, what)] = judged(ledger)
    assert promise == "memory is bounded"
    assert what.startswith("sync 1 grew by 5.")
    assert "+300 kB a minute" in what


def test_what_a_process_needs_now_and_then_is_no_growth() -> None:
    ledger = kept()
    ledger.memory = [
        Memory(one.at, one.process, one.pss, one.rss + 100_000 * (one.at % 40 == 0)) for one in ledger.memory
    ]

    assert judged(ledger) == []


def test_processes_that_were_replaced_are_not_compared_and_something_must_be() -> None:
    ledger = kept()
    ledger.memory = [Memory(one.at, f"sync {one.at > 900}", one.pss, one.rss) for one in ledger.memory]

    assert judged(ledger) == [("memory is bounded", "no process lived long enough to be measured")]


def test_a_seed_decides_the_order_and_processes_are_left_alone_while_they_are_measured() -> None:
    processes = [faults.Fault(name, lambda: None, instant=True) for name in ("killed", "reloaded", "delivery")]
    others = [faults.Fault(name, lambda: None) for name in ("Redis", "PostgreSQL", "SMTP")]

    def planned(seed: int, pace: Pace = PACE) -> list[tuple[float, str]]:
        found = faults.plan(pace, random.Random(seed), processes, others)
        return [(one.at, one.fault.name) for one in found]

    assert planned(1) == planned(1) != planned(2)
    assert {name for at, name in planned(1) if at > PACE.measured_from} == {"Redis", "PostgreSQL", "SMTP"}
    assert {name for _, name in planned(1, Pace.of(2))} == {one.name for one in (*processes, *others)}
    assert max(at for at, _ in planned(1)) < PACE.seconds - faults.RECOVERY


def test_the_report_says_what_was_broken_and_when() -> None:
    ledger = kept()
    ledger.note("GET products/", "500", 0.2)
    ledger.failures = [failure("500", 211)]
    violations = verdicts.judge(ledger, PACE, ARRIVED, {"ada@example.com": 1}, {"ada"})

    found = report.figures(ledger, PACE, violations, report.Counter(ARRIVED), {"seed": 1})

    assert (found["passed"], found["promises"]["statuses"], found["promises"]["memory is bounded"]) == (False, 1, 0)
    assert found["violations"][0]["what"] == "GET products/: 500"
    assert found["statuses"] == {"GET products/": {"500": 1}}
    assert [round(one["share"], 3) for one in found["memory"]] == [0, 0, 0]
