"""Runs the example project under mixed load while things fail around it: ``python -m tests.soak``.

It starts what it needs (PostgreSQL, Redis, gunicorn, the worker, a mail server), and reports statuses, memory and
rows. The exit code is 1 when a promise was broken. ``docs/how-to/soak.md`` says which promises.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path

from .pace import Pace
from .run import Options, soak
from .troubles import TROUBLES

ROOT = Path(__file__).resolve().parents[2]


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("dev.py soak", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30, help="for how long (30)")
    parser.add_argument("--workers", choices=("sync", "gthread"), help="the kind of gunicorn's workers (both)")
    parser.add_argument("--no-faults", action="store_true", help="only the load")
    parser.add_argument("--seed", type=int, help="for the same faults in the same order again")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    parser.add_argument("--folder", type=Path, help="where to keep the logs (build/soak/TIME)")
    parser.add_argument(
        "--trouble", action="append", default=[], choices=TROUBLES, help="break a promise, to see it found (repeatable)"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    chosen = parsed(arguments)
    if chosen.minutes <= 0:
        sys.exit("--minutes must be above 0")
    folder = (chosen.folder or ROOT / "build/soak" / time.strftime("%Y-%m-%d-%H%M%S")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    options = Options(
        pace=Pace.of(chosen.minutes),
        kinds=[chosen.workers] if chosen.workers else ["sync", "gthread"],
        faults=not chosen.no_faults,
        seed=random.randrange(10**6) if chosen.seed is None else chosen.seed,
        troubles=chosen.trouble,
        folder=folder,
    )
    found, text = soak(options)
    for file in filter(None, (chosen.json, folder / "figures.json")):
        file.write_text(json.dumps(found, indent=1) + "\n")
    print(text)
    return 0 if found["passed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
