"""The page on testing a site, done as it says in a new site."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, commands
from tests.docs.test_tutorial import Reader, needs_a_shell

PAGE = ROOT / "docs/how-to/testing.md"

SETTINGS = """
INSTALLED_APPS += ["rest_framework", "django_shopcore.core", "django_shopcore.catalog", "store"]
SHOPCORE_CATALOG_PRODUCT_MODEL = "store.Product"
"""
URLS = """
from django.urls import include, path

urlpatterns = [path("api/v1/", include("django_shopcore.urls"))]
"""
MODELS = """
from django_shopcore.catalog.abstract_models import AbstractProduct


class Product(AbstractProduct):
    pass
"""


@needs_a_shell
def test_the_tests_of_a_site_go_as_the_page_says(tmp_path: Path) -> None:
    with ExitStack() as stack:
        (tmp_path / "myshop").mkdir()
        reader = Reader(tmp_path, stack)
        reader.install_what_is_running()
        make_site(reader)
        for block in blocks(PAGE):
            if block.what == "run and fail":
                [command] = commands(block)
                code, output = reader.terminal.run(command.typed)
                assert (code, command.says(output)) == (1, True), output
            elif block.what:
                reader.do(block)


def make_site(reader: Reader) -> None:
    for command in ("python -m django startproject mysite .", "python manage.py startapp store"):
        code, output = reader.terminal.run(command)
        assert code == 0, output
    with (reader.folder / "mysite/settings.py").open("a") as settings:
        settings.write(SETTINGS)
    (reader.folder / "mysite/urls.py").write_text(URLS)
    (reader.folder / "store/models.py").write_text(MODELS)
    code, output = reader.terminal.run("python manage.py makemigrations store")
    assert code == 0, output


@pytest.mark.parametrize("kind", ["write", "append", "run"])
def test_the_page_has_something_to_do(kind: str) -> None:
    assert any(block.what.startswith(kind) for block in blocks(PAGE))
