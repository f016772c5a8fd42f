"""No module of the package asks for the user model while it is imported: the site's may not be there yet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.projects("full", "uuid_user")

SCRIPT = """
import importlib, pkgutil, sys

from django.contrib import auth

ask = auth.get_user_model


def get_user_model():
    caller = sys._getframe(1).f_globals["__name__"]
    assert not caller.startswith("django_shopcore"), f"{caller} asks for the user model"
    return ask()


auth.get_user_model = get_user_model  # before anybody has bound the name

import django

django.setup()
import django_shopcore

count = 0
for module in pkgutil.walk_packages(django_shopcore.__path__, "django_shopcore."):
    if module.name == "django_shopcore.notifications.delivery_task" and django.VERSION < (6, 0):
        continue  # for Django's own tasks
    importlib.import_module(module.name)
    count += 1
for name in sys.argv[1:]:
    importlib.import_module(name)
print(count)
"""


def run(folder: Path, *modules: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    command = [sys.executable, "-c", SCRIPT, *modules]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_every_module_is_imported_without_it(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50


@pytest.mark.parametrize(
    "line",
    [
        "from django_shopcore.core.users import user_model; user_model()",
        "from django.contrib.auth import get_user_model; get_user_model()",
    ],
)
def test_control_a_module_that_asks_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "django_shopcore_control.py").write_text(line)
    done = run(tmp_path, "django_shopcore_control")
    assert done.returncode == 1
    assert "asks for the user model" in done.stderr
