"""Building the pages: a warning fails it, and so does a link that leads nowhere in what was built."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from tests.docs.pages import ROOT

ID = re.compile(r"^\| `(shopcore\.\w+)`", re.MULTILINE)

pytest.importorskip("furo", reason="the packages of the group docs are not installed")


def extension(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/_ext/{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    options = ("-W", "--keep-going", "-q", "-b", "html", "-d", str(folder / "doctrees"))
    command = [sys.executable, "-m", "sphinx", *options, str(ROOT / "docs"), str(folder / "html")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


def test_every_operation_of_the_schema_has_an_entry(built: Path) -> None:
    paths = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())["paths"]
    text = "".join(page.read_text() for page in (built / "reference").glob("http-*.txt"))
    operations = [(method, path) for path, methods in paths.items() for method in methods]

    titles = [f'"{method.upper()} {path.removeprefix("/api/v1/")}"\n==' for method, path in operations]
    assert [title for title in titles if title not in text] == []


def test_every_system_check_has_an_address_of_its_own(built: Path) -> None:
    page = (built / "reference/checks.html").read_text()
    ids = ID.findall((ROOT / "docs/reference/checks.md").read_text())

    assert len(ids) > 20
    assert [name for name in ids if f'id="{name.lower().replace(".", "-")}"' not in page] == []


def test_programs_find_every_page_as_text(built: Path) -> None:
    index = (built / "llms.txt").read_text()
    pages = {path.relative_to(built).with_suffix("").as_posix() for path in built.glob("[!_]*/*.html")}

    assert index.startswith("# django-shopcore ")
    assert [page for page in pages if f"({page}.txt): " not in index or not (built / f"{page}.txt").exists()] == []
    assert len((built / "llms-full.txt").read_text()) > len((built / "reference/settings.txt").read_text())


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="b.html#here">1</a> <a href="b.html#there">2</a> <a href="c.html">3</a>')
    (tmp_path / "b.html").write_text('<p id="here"> <a href="https://example.com/">4</a> <a href="#gone">5</a>')

    broken = extension("shopcore_links").broken_links(tmp_path)

    assert broken == [("a.html", "b.html#there"), ("a.html", "c.html"), ("b.html", "#gone")]
