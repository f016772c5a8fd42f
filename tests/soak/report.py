"""What a soak prints, and writes as JSON."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from .ledger import Broken, Ledger, of_statuses
from .pace import Pace
from .verdicts import PROMISES, bounds, excused, growths, judged_bursts

# A line of the site's log that is more than a note.
LOUD = re.compile(r'\{"time":"[^"]*","level":"(?:WARNING|ERROR|CRITICAL)","logger":"([^"]*)","message":"([^"]*)')


def figures(
    ledger: Ledger, pace: Pace, violations: list[Broken], mails: Counter[str], about: dict[str, Any]
) -> dict[str, Any]:
    """All figures, as JSON can hold them."""
    failures = Counter((failure.kind, excused(failure, ledger)) for failure in ledger.failures)
    return {
        **about,
        "seconds": round(ledger.now()),
        "passed": not violations,
        "promises": {name: sum(one.promise == name for one in violations) for name in PROMISES},
        "violations": [vars(one) for one in violations],
        "requests": sum(ledger.statuses.values()),
        "statuses": of_statuses(ledger.statuses),
        "slowest": {route: round(seconds, 3) for route, seconds in sorted(ledger.slowest.items())},
        "failures": [
            {"kind": kind, "excused": was, "number": number} for (kind, was), number in sorted(failures.items())
        ],
        "checks": dict(sorted(ledger.checks.items())),
        "bursts": {"sent": len(ledger.bursts), "judged": len(list(judged_bursts(ledger)))},
        "windows": [_window(window, ledger) for window in ledger.windows],
        "memory": [{**vars(growth), "share": round(growth.share, 4)} for growth in growths(ledger, pace)],
        "memory_samples": [[round(one.at), one.process, one.pss, one.rss] for one in ledger.memory],
        "rows": _rows(ledger),
        "bounds": [vars(bound) for bound in bounds(ledger, pace)],
        "mails": {
            "seen in the outbox": len(ledger.messages),
            "arrived": len(mails),
            "arrived again": sum(mails.values()) - len(mails),
        },
    }


def _window(window: Any, ledger: Ledger) -> dict[str, Any]:
    met = Counter(failure.kind for failure in ledger.failures if window.meets(failure.begin, failure.end))
    return {
        "fault": window.fault,
        "begin": round(window.begin, 1),
        "end": round(window.end, 1),
        "recovery": window.recovery,
        "failures": dict(met),
    }


def _rows(ledger: Ledger) -> dict[str, dict[str, int]]:
    """By table the rows at first, in the middle, in the end and at most."""
    samples = ledger.rows
    if not samples:
        return {}
    places = {"first": 0, "middle": len(samples) // 2, "last": len(samples) - 1}
    table = {}
    for name in samples[-1].tables:
        numbers = [sample.tables.get(name, 0) for sample in samples]
        if any(numbers):
            table[name] = {**{word: numbers[place] for word, place in places.items()}, "most": max(numbers)}
    keys = [sample.redis_keys for sample in samples]
    table["(keys in Redis)"] = {**{word: keys[place] for word, place in places.items()}, "most": max(keys)}
    return table


def noise(folder: Path) -> dict[str, int]:
    """The warnings and errors in the logs, by what they say without its numbers; the most frequent first."""
    found: Counter[str] = Counter()
    for log in sorted(folder.glob("*.log")):
        with log.open(errors="replace") as stream:
            for line in stream:
                if match := LOUD.match(line):
                    found[f"{log.stem}: {match[1]} {re.sub(r'[0-9a-f]*[0-9][0-9a-f-]*', '#', match[2])[:90]}"] += 1
    return dict(found.most_common())


def text(found: dict[str, Any], log: Path) -> str:
    """The figures for people."""
    lines = ["", f"{found['requests']} requests in {found['seconds']} s", *_statuses(found), "", *_faults(found), ""]
    lines += [f"{'process':<18}{'first fifth':>12}{'last fifth':>12}{'growth':>9}{'a minute':>12}{'PSS':>11}"]
    for one in found["memory"]:
        lines.append(
            f"{one['process']:<18}{one['first'] / 1024:>9.1f} MB{one['last'] / 1024:>9.1f} MB"
            f"{one['share']:>9.1%}{one['per_minute']:>9.0f} kB{one['pss'] / 1024:>8.1f} MB"
        )
    lines += ["", f"{'rows':<42}{'first':>8}{'middle':>8}{'last':>8}{'most':>8}"]
    for name, one in found["rows"].items():
        lines.append(f"{name:<42}{one['first']:>8}{one['middle']:>8}{one['last']:>8}{one['most']:>8}")
    for one in found["bounds"]:
        lines.append(f"{one['table']}: {one['rows']} rows at {one['at']:.0f} s, where {one['allowed']} are allowed")
    lines += ["", *(f"{name}: {number}" for name, number in {**found["checks"], **found["mails"]}.items())]
    lines += [f"log: {number} × {line}" for line, number in list(found["log"].items())[:12]]
    slowest = sorted(found["slowest"].items(), key=lambda item: -item[1])[:5]
    lines += [f"slowest: {route} {seconds:.1f} s" for route, seconds in slowest]
    lines += [f"limits spent: {found['bursts']['sent']}, judged: {found['bursts']['judged']}", ""]
    for name, number in found["promises"].items():
        lines.append(f"{name:<26} {'BROKEN ' + str(number) + ' times' if number else 'kept'}")
    lines += [f"  {one['at']:7.1f} s  {one['promise']}: {one['what'][:300]}" for one in found["violations"][:20]]
    return "\n".join([*lines, f"logs and figures: {log}"])


def _statuses(found: dict[str, Any]) -> list[str]:
    total: Counter[str] = Counter()
    for outcomes in found["statuses"].values():
        total.update(outcomes)
    return ["  ".join(f"{outcome}: {number}" for outcome, number in sorted(total.items()))]


def _faults(found: dict[str, Any]) -> list[str]:
    """One line for each kind of fault."""
    times: Counter[str] = Counter()
    failures: dict[str, Counter[str]] = defaultdict(Counter)
    for window in found["windows"]:
        times[window["fault"]] += 1
        failures[window["fault"]].update(window["failures"])
    lines = [f"{'fault':<26}{'times':>6}  requests without their answer"]
    for name, number in sorted(times.items()):
        met = ", ".join(f"{count} × {kind}" for kind, count in sorted(failures[name].items())) or "none"
        lines.append(f"{name:<26}{number:>6}  {met}")
    return lines


def excerpts(violations: list[Broken], log: Path, folder: Path) -> None:
    """The lines of the site's log that belong to each violation, in a file for each."""
    wanted = {one.request_id for one in violations if one.request_id}
    lines: dict[str, list[str]] = defaultdict(list)
    with log.open(errors="replace") as stream:
        for line in stream:
            if '"request_id":"soak-' in line:
                name = line.partition('"request_id":"')[2].partition('"')[0]
                if name in wanted:
                    lines[name].append(line)
    folder.mkdir(exist_ok=True)
    for number, one in enumerate(violations[:200]):
        name = folder / f"{number:03}-{one.promise.replace(' ', '-')}.txt"
        name.write_text("".join([f"{one.at:.1f} s {one.promise}: {one.what}\n", *lines.get(one.request_id, [])]))
