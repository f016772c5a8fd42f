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


CONF = """
import importlib, pkgutil, sys

import django_shopcore

features = [module.name for module in pkgutil.iter_modules(django_shopcore.__path__, "django_shopcore.") if module.ispkg]
for feature in features:
    try:
        importlib.import_module(f"{feature}.conf")
    except ModuleNotFoundError as exc:
        assert exc.name == f"{feature}.conf", exc
        continue
    print(feature)
assert "rest_framework" not in sys.modules
"""


def test_what_a_feature_declares_is_known_before_there_are_settings() -> None:
    """A settings module may ask for it; Django REST framework would keep what is there of that module until then."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run([sys.executable, "-c", CONF], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"django_shopcore.audit", "django_shopcore.catalog"} <= set(done.stdout.split())
