"""``shopcore_import`` and ``shopcore_export``."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from django_shopcore.catalog import get_category_model, get_product_model, signals
from tests.catalog.csv_requests import csv_text, everything, table
from tests.factories.catalog import CategoryFactory, ProductFactory

pytestmark = [pytest.mark.projects("full", "catalog_only", "swapped"), pytest.mark.django_db]

PRODUCTS = csv_text("name,price,category,size", ("Lamp", "5", "Light", "L"), ("Chair", "6", "Seats", "M"))
TREE = json.dumps([{"name": "A", "children": [{"name": "B"}]}])


class Run:
    """One call of a command: what it printed, and the error it ended with."""

    def __init__(self, *arguments: str, stderr: Any = None) -> None:
        out, err = io.StringIO(), stderr or io.StringIO()
        self.error = ""
        try:
            call_command(*arguments, stdout=out, stderr=err)
        except CommandError as exc:
            self.error = str(exc)
        self.out, self.err = out.getvalue(), err.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text(PRODUCTS, newline="")
    return path


def test_products_are_imported_and_summed_up(file: Path) -> None:
    run = Run("shopcore_import", str(file))

    assert (run.error, run.out) == ("", "created 2, updated 0, unchanged 0, rejected 0\n")
    assert run.err == "warning: line 1, size: The column is unknown and was ignored. (unknown_column)\n"
    assert set(get_product_model().objects.values_list("slug", flat=True)) == {"lamp", "chair"}


def test_a_dry_run_says_that_nothing_was_written(file: Path) -> None:
    run = Run("shopcore_import", str(file), "--dry-run")

    assert run.out == "created 2, updated 0, unchanged 0, rejected 0 (nothing was written)\n"
    assert everything() == ([], [])


def test_wrong_rows_end_the_command_with_an_error_and_nothing_written(file: Path) -> None:
    file.write_text(PRODUCTS + "Desk,x,C,\r\n", newline="")
    run = Run("shopcore_import", str(file))

    assert run.error == "1 rejected; nothing was written."
    assert run.out == "created 2, updated 0, unchanged 0, rejected 1 (nothing was written)\n"
    assert run.err.splitlines()[1] == "error: line 4, price: A valid number is required. (invalid)"
    assert everything() == ([], [])


@pytest.mark.parametrize("start", ["", "\ufeff", " \n\t"])
def test_a_category_tree_is_told_by_its_first_character(file: Path, start: str) -> None:
    file.write_text(start + TREE)
    run = Run("shopcore_import", str(file))

    assert (run.error, run.out) == ("", "created 2, updated 0, unchanged 0, rejected 0\n")
    assert list(get_category_model().objects.order_by("pk").values_list("name", flat=True)) == ["A", "B"]


def test_rejected_categories_are_listed_and_the_others_imported(file: Path) -> None:
    file.write_text('[{"name": "A"}, {"name": null}]')
    run = Run("shopcore_import", str(file))

    assert run.error == ""
    assert run.err == "error: entry 2, 1.name: A name in the path is empty. (blank)\n"
    assert get_category_model().objects.get().name == "A"


def test_the_format_may_be_given(file: Path) -> None:
    file.write_text("Handle,Title,Variant Price\nlamp,Lamp,5\n")
    assert "cannot be read" in Run("shopcore_import", str(file), "--format", "shopcore").error
    assert Run("shopcore_import", str(file), "--format=shopify").error == ""
    assert "Not JSON" in Run("shopcore_import", str(file), "--format=categories").error
    assert get_product_model().objects.get().slug == "lamp"


@pytest.mark.parametrize("content", [b'{"name": "A"}', b"[", b"[" * 100_000, b'["\xff"]'])
def test_a_broken_tree_is_one_clear_line(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    run = Run("shopcore_import", str(file))

    assert run.error
    assert "\n" not in run.error
    assert everything() == ([], [])


def test_a_file_that_is_no_csv_is_one_clear_line(file: Path) -> None:
    file.write_bytes(b"name,price\nL\xff,1\n")
    run = Run("shopcore_import", str(file))

    assert run.error == "The file cannot be read."
    assert run.err == "error: line 2: This line is not UTF-8. (invalid_encoding)\n"


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    missing = str(tmp_path / "nothing.csv")
    assert Run("shopcore_import", missing).error == f"{missing}: No such file or directory"
    assert Run("shopcore_import", str(tmp_path)).error == f"{tmp_path}: Is a directory"
    nowhere = f"{missing}/x"
    assert Run("shopcore_export", nowhere).error == f"{nowhere}: No such file or directory"


def test_a_lost_race_is_one_clear_line(file: Path) -> None:
    def lose(**kwargs: Any) -> None:
        raise IntegrityError("duplicate key")

    signals.products_imported.connect(lose)
    run = Run("shopcore_import", str(file))
    assert "Try again" in run.error
    assert everything() == ([], [])


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for content, model in ((PRODUCTS, get_product_model()), (TREE, get_category_model())):
        stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(content.encode())))
        monkeypatch.setattr(sys, "stdin", stdin)
        assert Run("shopcore_import", "-").error == ""
        assert model.objects.filter(name__in=["Lamp", "B"]).exists()
        assert not stdin.closed


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_and_wiped_at_the_end(file: Path) -> None:
    run = Run("shopcore_import", str(file), stderr=Terminal())

    assert "\r[" in run.err
    assert "100% 2 products" in run.err
    assert run.err.rpartition("\r")[2].startswith("\x1b[K")


def test_an_export_is_written_to_a_file_that_the_import_reads(tmp_path: Path) -> None:
    ProductFactory(name="Lámp", description="a\r\nb\n=", category=CategoryFactory(name="=x > y"))
    before = everything()
    path = tmp_path / "out.csv"

    assert Run("shopcore_export", str(path)).error == ""
    assert table(path.read_bytes().decode())[0]["name"] == "Lámp"
    assert Run("shopcore_import", str(path)).out == "created 0, updated 0, unchanged 1, rejected 0\n"
    assert everything() == before


def test_an_export_is_printed_without_a_file() -> None:
    ProductFactory(name="Lamp", is_published=False)

    assert [row["slug"] for row in table(Run("shopcore_export").out)] == ["lamp"]
    assert Run("shopcore_export", "-").out == Run("shopcore_export").out


def test_an_export_to_a_terminal_of_another_encoding_is_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    ProductFactory(name="Lámp 🛒")
    binary = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(binary, encoding="ascii", newline="\r\n"))
    call_command("shopcore_export")

    assert table(binary.getvalue().decode())[0]["name"] == "Lámp 🛒"


def test_a_reader_that_goes_away_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    ProductFactory(name="Lamp")
    read, write = os.pipe()
    os.close(read)
    monkeypatch.setattr(sys, "stdout", os.fdopen(write, "w"))

    with pytest.raises(CommandError, match="closed the output"):
        call_command("shopcore_export")
    sys.stdout.close()
