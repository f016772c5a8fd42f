"""What ``shopcore_doctor`` looks at in the notifications: whether they leave."""

from __future__ import annotations

from collections.abc import Iterator

from django_shopcore.core import doctor
from django_shopcore.core.doctor import OK, WRONG, Finding

from . import outbox

LATE = 300  # seconds


def register() -> None:
    doctor.register("Notifications", examine_outbox)


def examine_outbox(alias: str) -> Iterator[Finding]:
    lag = outbox.lag()
    if lag > LATE:
        said = f"the oldest message has been waiting for {lag / 60:.0f} minutes"
        yield Finding(WRONG, "outbox", said, "Is shopcore_deliver running? Its log says what fails.")
    else:
        yield Finding(OK, "outbox", "delivers")
