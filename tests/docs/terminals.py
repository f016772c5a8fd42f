"""A shell that keeps what was typed into it, as a terminal does."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

PATIENCE = 120


class Terminal:
    """``bash`` in a folder. What its commands print to the error output comes with the rest, but for curl's progress."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, and with it what still runs in it."""
        with suppress(ProcessLookupError):
            os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.communicate()

    def start(self, command: str) -> None:
        """Type a command that does not come back."""
        assert self.shell.stdin
        self.shell.stdin.write(command + "\n")
        self.shell.stdin.flush()

    def run(self, command: str) -> tuple[int, str]:
        """Type a command, and read its exit code and what it prints."""
        assert self.shell.stdout
        mark = secrets.token_hex(8)
        # Not from the shell's own input, which the next commands come by.
        self.start(f"{{ {command}\n}} </dev/null; printf '\\n%s %s\\n' {mark} $?")
        alarm = threading.Timer(PATIENCE, os.killpg, (self.shell.pid, signal.SIGKILL))
        alarm.start()
        lines = []
        try:
            for line in self.shell.stdout:
                if line.startswith(mark):
                    return int(line.split()[1]), "".join(lines).removesuffix("\n")
                lines.append(line)
        finally:
            alarm.cancel()
        raise AssertionError(f"no end of {command}:\n{''.join(lines)}")
