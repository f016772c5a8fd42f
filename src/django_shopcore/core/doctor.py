"""Examinations of a running site, for ``shopcore_doctor``. Features register theirs as their apps get ready::

doctor.register("Catalogue", examine_tables, examine_views)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import DatabaseError

T = TypeVar("T")

OK, NOTE, WRONG = "ok", "note", "wrong"


@dataclass(frozen=True)
class Finding:
    """What was found of ``subject``, and what to do about it unless ``level`` is ``ok``.

    ``wrong``: something is missing or broken; ``note``: it works, and could work better.
    """

    level: str
    subject: str
    said: str
    advice: str = ""


# Gets the alias of the database to look at.
Examination = Callable[[str], Iterable[Finding]]

_registered: dict[str, list[Examination]] = {}


def register(section: str, *examinations: Examination) -> None:
    """Adds examinations, which must change nothing, under a heading."""
    known = _registered.setdefault(section, [])
    known += [one for one in examinations if one not in known]


def examine(alias: str) -> dict[str, list[Finding]]:
    """All findings by section."""
    return {section: list(_findings(found, alias)) for section, found in _registered.items()}


def _findings(examinations: Iterable[Examination], alias: str) -> Iterator[Finding]:
    for examination in examinations:
        try:
            yield from examination(alias)
        except DatabaseError as error:
            subject = examination.__name__.lstrip("_").replace("_", " ")
            reason = str(error).strip().partition("\n")[0]
            yield Finding(
                WRONG, subject, f"cannot be examined: {reason}", "Start with what is wrong above, if anything."
            )


def within(seconds: float, call: Callable[[], T]) -> T:
    """What ``call()`` returns or raises; ``TimeoutError`` when it takes longer. For servers that may hang.

    It runs in a thread, which is left behind when it does not end, so it must not use the database.
    """
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.extend((True, call()))
        except BaseException as error:  # noqa: BLE001 - raised again below
            outcome.extend((False, error))

    thread = threading.Thread(target=run, name="shopcore-doctor", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {seconds:g} seconds")
    succeeded, value = outcome
    if not succeeded:
        raise value
    return value  # type: ignore[no-any-return]
