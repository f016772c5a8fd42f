"""The end of a start that cannot succeed."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

# Gunicorn replaces a worker that ends with any other code, for ever; after this one it stops with a message.
EXIT_CODE = 3


def stop(lines: list[str]) -> NoReturn:
    """Prints ``lines`` and ends the process."""
    if "gunicorn.arbiter" in sys.modules:
        _speak_for_all_workers()
    print(*lines, sep="\n", file=sys.stderr, flush=True)
    raise SystemExit(EXIT_CODE)


def _speak_for_all_workers() -> None:
    """Lets one of gunicorn's workers go on; the others wait here until gunicorn ends them.

    Each would print the same lines, and gunicorn itself dies with a traceback when two end with this code at
    once. The lock is the first one's until it has ended.
    """
    import fcntl

    lock = Path(__file__).open("rb")  # noqa: SIM115 - closed by the end of the process
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(10)
    else:
        _held.append(lock)
        time.sleep(1)  # for the others to arrive


_held: list[object] = []
