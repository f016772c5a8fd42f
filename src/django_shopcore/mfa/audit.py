"""What of second factors goes into the audit log; the only place here that knows of it."""

from __future__ import annotations

from typing import Any

from django.dispatch import Signal

from django_shopcore.audit import record

from . import signals

ACTIONS = {
    "mfa.factor_added": signals.factor_added,
    "mfa.factor_removed": signals.factor_removed,
    "mfa.recovery_codes_made": signals.recovery_codes_made,
    "mfa.recovery_code_used": signals.recovery_code_used,
    "mfa.factors_reset": signals.factors_reset,
    "mfa.second_factor_failed": signals.second_factor_failed,
}
TOLD = ("method", "first", "last", "left")


def listen() -> None:
    for action, signal in ACTIONS.items():
        _listen(signal, action)


def _listen(signal: Signal, action: str) -> None:
    def receive(sender: Any, user: Any, **event: Any) -> None:
        record(action, obj=user, data={name: event[name] for name in TOLD if name in event})

    signal.connect(receive, weak=False, dispatch_uid=f"shopcore_audit.{action}")
