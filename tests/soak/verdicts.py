"""Which promises a soak has seen kept, and which broken: from what was written down to a list of violations."""

from __future__ import annotations

import statistics
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from .ledger import CHECKS, DROPPED, SLOW, UNAVAILABLE, Broken, Burst, Failure, Ledger, Memory
from .pace import MAIL_WITHIN, Pace

STATUSES = "statuses"
FRESH = "no stale read"
LIMIT = "exactly N of a limit"
REFRESH = "one living refresh token"
MAILS = "no mail lost or late"
ROWS = "rows are bounded"
MEMORY = "memory is bounded"
WHOLE = "the soak was whole"
PROMISES = (WHOLE, STATUSES, FRESH, LIMIT, REFRESH, MAILS, ROWS, MEMORY)

SESSIONS, OUTBOX = "shopcore_accounts_session", "shopcore_notifications_outboxmessage"
# A message that is late by less than this was looked at a moment before its delivery.
MOMENT = 5


@dataclass(frozen=True)
class Growth:
    """A process from the first to the last fifth of the time that it was measured in: its RSS in kB.

    Its PSS at last is for information: it changes with what other processes of the machine share with it.
    """

    process: str
    first: float
    last: float
    per_minute: float
    pss: float
    samples: int

    @property
    def share(self) -> float:
        return self.last / self.first - 1


@dataclass(frozen=True)
class Bound:
    """How many rows a table may have: what was made in the time that a row lives."""

    table: str
    rows: int
    allowed: int
    at: float


def judge(ledger: Ledger, pace: Pace, arrived: set[str], welcomes: dict[str, int], people: set[str]) -> list[Broken]:
    """All violations by their time. ``arrived``: the Message-IDs' first halves of the mails that were taken;
    ``welcomes``: mails of welcome by address; ``people``: the users that there are in the end.
    """
    found = list(ledger.broken)
    found += _of_checks(ledger, pace)
    found += _of_failures(ledger)
    found += _of_bursts(ledger)
    found += _of_rows(ledger, pace)
    found += _of_mails(ledger, pace, arrived, welcomes, people)
    found += _of_memory(ledger, pace)
    return sorted(found, key=lambda violation: violation.at)


def _of_checks(ledger: Ledger, pace: Pace) -> Iterator[Broken]:
    """What was never looked at was not kept."""
    done = {**{name: ledger.checks[name] for name in CHECKS}, "limits spent": len(list(judged_bursts(ledger)))}
    for name, number in done.items():
        if not number:
            yield Broken(WHOLE, pace.seconds, f"{name}: none")


def excused(failure: Failure, ledger: Ledger) -> bool:
    """Whether a fault's window covers the failure, and it is one that this fault may cause."""
    if failure.kind == UNAVAILABLE and not failure.retry_after:
        return False
    windows = ledger.windows_at(failure.begin, failure.end)
    return failure.kind in (UNAVAILABLE, DROPPED, SLOW) and any(failure.kind in window.permits for window in windows)


def _of_failures(ledger: Ledger) -> Iterator[Broken]:
    for failure in ledger.failures:
        if excused(failure, ledger):
            continue
        during = ", ".join(sorted({window.fault for window in ledger.windows_at(failure.begin, failure.end)}))
        what = f"{failure.request}: {failure.kind}{' without Retry-After' if _is_silent(failure) else ''}"
        what += f" ({during})" if during else ""
        what += f": {failure.body}" if failure.body else ""
        yield Broken(STATUSES, failure.begin, what, failure.request_id)


def _is_silent(failure: Failure) -> bool:
    return failure.kind == UNAVAILABLE and not failure.retry_after


def _of_bursts(ledger: Ledger) -> Iterator[Broken]:
    for burst in judged_bursts(ledger):
        if burst.admitted != burst.quota:
            yield Broken(LIMIT, burst.begin, f"{burst.admitted} of {burst.asked} admitted, not {burst.quota}")


def judged_bursts(ledger: Ledger) -> Iterator[Burst]:
    """Those without a fault that takes the counters away, and with all their answers, or too many already."""
    for burst in ledger.bursts:
        windows = ledger.windows_at(burst.begin, burst.end)
        complete = burst.admitted + burst.refused == burst.asked or burst.admitted > burst.quota
        if complete and not any(window.touches & {"limits", "workers"} for window in windows):
            yield burst


def bounds(ledger: Ledger, pace: Pace) -> list[Bound]:
    """For each table with a bound the moment when it was exceeded, otherwise that of the most rows."""
    sign_ins, moments = sorted(ledger.sign_ins), [rows.at for rows in ledger.rows]
    found: dict[str, list[Bound]] = {SESSIONS: [], OUTBOX: []}
    for rows in ledger.rows:
        since = bisect_left(sign_ins, rows.at - pace.session_life)
        # Those that are signing in just now are counted too.
        opened = bisect_left(sign_ins, rows.at + MOMENT) - since
        found[SESSIONS].append(Bound(SESSIONS, rows.tables.get(SESSIONS, 0), opened, rows.at))
        before = bisect_right(moments, rows.at - pace.message_life)
        made = rows.messages_made - (ledger.rows[before - 1].messages_made if before else 0)
        found[OUTBOX].append(Bound(OUTBOX, rows.tables.get(OUTBOX, 0), made, rows.at))
    return [max(each, key=lambda one: (one.rows > one.allowed, one.rows)) for each in found.values() if each]


def _of_rows(ledger: Ledger, pace: Pace) -> Iterator[Broken]:
    if not ledger.rows:
        yield Broken(ROWS, pace.seconds, "rows were never counted")
    for bound in bounds(ledger, pace):
        if bound.rows > bound.allowed:
            what = f"{bound.table} has {bound.rows} rows; {bound.allowed} were made in the time that one lives"
            yield Broken(ROWS, bound.at, what)
    seen: set[str] = set()
    for rows in ledger.rows:
        for table, number in rows.overdue.items():
            if number and table not in seen:
                seen.add(table)
                yield Broken(ROWS, rows.at, f"{table} has {number} rows that should have been deleted by then")


def _of_mails(
    ledger: Ledger, pace: Pace, arrived: set[str], welcomes: dict[str, int], people: set[str]
) -> Iterator[Broken]:
    lost: dict[str, int] = defaultdict(int)
    for number, seen in ledger.messages.items():
        key = number.replace("-", "")
        if seen.state == "dead":
            yield Broken(MAILS, pace.seconds, f"a message ({seen.kind}) was given up")
        gone = seen.user is not None and seen.user not in people
        if key not in arrived and (seen.state == "sent" or (seen.state == "pending" and not gone)):
            lost[f"{seen.kind} ({seen.state})"] += 1
    for kind, number in lost.items():
        yield Broken(MAILS, pace.seconds, f"{number} of {kind} never arrived")
    for address, number in ledger.welcomed.items():
        if welcomes.get(address, 0) < number:
            what = f"{address} registered {number} times and was welcomed {welcomes.get(address, 0)} times"
            yield Broken(MAILS, pace.seconds, what)
    yield from _of_lateness(ledger)


def _of_lateness(ledger: Ledger) -> Iterator[Broken]:
    """A message may wait for the end of an outage and a minute more."""
    outages = [window for window in ledger.windows if "mail" in window.touches]
    for rows in ledger.rows:
        since = max([rows.at - rows.oldest_waiting, *(window.end for window in outages if window.begin <= rows.at)])
        if rows.oldest_waiting and rows.at - since > MAIL_WITHIN + MOMENT:
            yield Broken(MAILS, rows.at, f"a message has waited for {rows.oldest_waiting:.0f} s")
            return


def growths(ledger: Ledger, pace: Pace) -> list[Growth]:
    """Of the processes that lived from the moment when they are left alone to the end."""
    since = pace.measured_from
    by_process: dict[str, list[Memory]] = defaultdict(list)
    for one in ledger.memory:
        if one.at >= since:
            by_process[one.process].append(one)
    last = max((one.at for one in ledger.memory), default=0.0)
    found = []
    for process, samples in sorted(by_process.items()):
        whole = samples[0].at <= since + 3 * pace.sample and samples[-1].at >= last - 3 * pace.sample
        if whole and len(samples) >= 5:
            found.append(_growth(process, samples))
    return found


def _growth(process: str, samples: list[Memory]) -> Growth:
    fifth = len(samples) // 5
    first = statistics.median(one.rss for one in samples[:fifth])
    last = statistics.median(one.rss for one in samples[-fifth:])
    slope = statistics.linear_regression([one.at / 60 for one in samples], [one.rss for one in samples]).slope
    pss = statistics.median(one.pss for one in samples[-fifth:])
    return Growth(process, first, last, slope, pss, len(samples))


def _of_memory(ledger: Ledger, pace: Pace) -> Iterator[Broken]:
    measured = growths(ledger, pace)
    if not measured:
        yield Broken(MEMORY, pace.seconds, "no process lived long enough to be measured")
    for growth in measured:
        if growth.share > pace.growth:
            what = (
                f"{growth.process} grew by {growth.share:.1%} from {growth.first / 1024:.0f} to "
                f"{growth.last / 1024:.0f} MB, {growth.per_minute:+.0f} kB a minute"
            )
            yield Broken(MEMORY, pace.seconds, what)
