"""A reader who does what a page says, block by block, in real terminals.

A site's server gets a free port instead of 8000. The packages of the running Python stand for what a page installs,
unless ``SHOPCORE_TEST_WHEELS`` names a folder with the built wheel: then a virtual environment is made and pip runs too.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.pages import Block, commands
from tests.docs.terminals import Terminal
from tests.example.site import INHERITED, free_port

WHEELS = os.environ.get("SHOPCORE_TEST_WHEELS", "")
needs_a_shell = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("curl")), reason="pages are typed into bash, and ask with curl"
)


class Reader:
    """Does what a page says."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.home, self.stack, self.port = folder, stack, free_port()
        self.folder = folder / "myshop"
        self.environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self.environment |= {"HOME": str(folder), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
        if WHEELS:
            self.environment["PIP_FIND_LINKS"] = str(Path(WHEELS).resolve())
            self.environment.pop("PYTHONPATH", None)
        elif "PYTHONPATH" in self.environment:
            paths = self.environment["PYTHONPATH"].split(os.pathsep)
            self.environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(path) for path in paths)
        self.terminal = self.open_terminal(folder)

    def open_terminal(self, folder: Path) -> Terminal:
        return self.stack.enter_context(Terminal(folder, self.environment))

    def do(self, block: Block) -> None:
        action, _, rest = block.what.partition(" ")
        if block.what == "run with a wheel":
            self.run(block) if WHEELS else self.install_what_is_running()
        elif block.what == "run in a second terminal":
            self.terminal = self.open_terminal(self.folder)
            self.run(block)
        elif action == "run":
            self.run(block, fails=rest == "and fail")
        elif action == "serve":
            self.serve(block)
        elif action == "write":
            (self.folder / rest).write_text(block.text)
        elif action == "append":
            name, _, before = rest.removeprefix("to ").partition(" before Django ")
            if not before or self.django_version() < tuple(map(int, before.split("."))):
                with (self.folder / name).open("a") as file:
                    file.write("\n" + block.text)
        else:
            pytest.fail(f"{block}: what is to be done with this block?")

    def run(self, block: Block, fails: bool = False) -> None:
        for command in commands(block):
            typed = self.on_my_port(command.typed)
            # The page shows no progress, and a reader no prompt of curl's.
            code, output = self.terminal.run(typed.replace("curl ", "curl -sS "))
            assert bool(code) is fails, f"{block}: {typed} ended with {code}:\n{output}"
            assert command.says(output), f"{block}: {typed} printed\n{output}\nand not\n{command.printed}"

    def serve(self, block: Block) -> None:
        (command,) = commands(block)
        self.terminal.start(f"{command.typed} --noreload {self.port} >server.log 2>&1 &")
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        pytest.fail(f"{block}: no answer:\n{(self.folder / 'server.log').read_text()}")

    def django_version(self) -> tuple[int, ...]:
        _, output = self.terminal.run("python -m django --version")
        return tuple(map(int, output.split(".")[:2]))

    def on_my_port(self, text: str) -> str:
        return text.replace("localhost:8000", f"localhost:{self.port}")

    def install_what_is_running(self) -> None:
        """A folder that is activated like a virtual environment, with the Python of the tests."""
        programs = self.folder / ".venv/bin"
        programs.mkdir(parents=True)
        python = f'exec "{sys.executable}" -W error'
        for name, line in {"python": python, "python3": python, "django-admin": f"{python} -m django"}.items():
            (programs / name).write_text(f'#!/bin/sh\n{line} "$@"\n')
            (programs / name).chmod(0o755)
        (programs / "activate").write_text(f'PATH="{programs}:$PATH"\n')
        self.terminal.run(f'cd "{self.folder}"; . .venv/bin/activate')

    def type(self, *commands: str) -> str:
        """Type what no page says; what the last command prints."""
        output = ""
        for command in commands:
            code, output = self.terminal.run(command)
            assert code == 0, f"{command}:\n{output}"
        return output

    def python(self, script: str) -> str:
        """Run ``script`` in the site; what it prints."""
        (self.folder / "script.py").write_text(script, encoding="utf-8")
        runner = "import django, pathlib; django.setup(); exec(pathlib.Path('script.py').read_text('utf-8'))"
        return self.type(f'DJANGO_SETTINGS_MODULE=mysite.settings python -c "{runner}"')

    def start_project(self) -> None:
        """What a page says in words: a new project with an app."""
        self.folder.mkdir()
        self.install_what_is_running()
        self.type("django-admin startproject mysite .", "python manage.py startapp store")
