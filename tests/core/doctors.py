"""Asks ``shopcore_doctor``, as a program would."""

from __future__ import annotations

import io
import json
from typing import Any

from django.core.management import CommandError, call_command


def report(**options: Any) -> tuple[int, dict[str, Any]]:
    """The exit code and the printed JSON."""
    output, code = io.StringIO(), 0
    try:
        call_command("shopcore_doctor", json=True, stdout=output, **options)
    except CommandError as error:
        if not output.getvalue():
            raise
        code = error.returncode
    return code, json.loads(output.getvalue())


def findings(section: str, subject: str | None = None) -> list[tuple[str, str]]:
    """``(level, what was said)`` of a section, or of one subject in it."""
    found = report()[1]["sections"][section]
    return [(one["level"], one["said"]) for one in found if subject in (None, one["subject"])]


def advice(section: str, subject: str) -> list[str]:
    return [one["advice"] for one in report()[1]["sections"][section] if one["subject"] == subject]
