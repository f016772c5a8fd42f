"""What ``dev.py bench --check`` holds: ratios with a wide margin, statements exactly, rows within bounds. No times."""

from __future__ import annotations

from typing import Any

# At least so many times the requests a second of the plain REST framework.
COMPARED = ("shopcore", "drf")
RATIOS = {"list": 2.0, "detail": 1.2}
# By server and request: the statements of one, and the rows that it reads at most, of 10,000 products.
STATEMENTS = {
    "shopcore": {
        "list": 1,
        "middle": 1,
        "filter": 1,
        "keyset": 1,
        "common": 1,
        "rare": 1,
        "detail": 1,
        "unchanged": 1,
    },
}
ROWS = {
    "shopcore": {
        "list": 200,
        "middle": 6_000,
        "filter": 1_000,
        "keyset": 200,
        "common": 500,
        "rare": 100,
        "detail": 400,
        "unchanged": 200,
    },
}


def judge(run: dict[str, Any]) -> int:
    """Prints each guard that does not hold; 1 when there is one."""
    found = run["scenarios"]
    problems = []
    for name, least in RATIOS.items():
        peers = found[name]["peers"]
        ratio = peers["shopcore"]["requests_per_second"] / peers["drf"]["requests_per_second"]
        print(f"{name}: {ratio:.1f} times the plain REST framework, at least {least}")
        if ratio < least:
            problems.append(f"{name}: {ratio:.2f} times the plain REST framework, and not {least}")
    present = run["memory"]
    for peer, bounds in STATEMENTS.items():
        for name, number in bounds.items() if peer in present else ():
            statements = found[name]["peers"][peer]["statements"]
            if len(statements) != number:
                listed = "".join(f"\n    {statement:.300}" for statement in statements)
                problems.append(f"{name} of {peer}: {len(statements)} statements, and not {number}{listed}")
    for peer, bounds in ROWS.items():
        for name, most in bounds.items() if peer in present else ():
            if (rows := found[name]["peers"][peer]["rows"]) > most:
                problems.append(f"{name} of {peer}: {rows} rows read, and not {most} at most")
    print("\n".join(problems) or "every guard holds")
    return int(bool(problems))
