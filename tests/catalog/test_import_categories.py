"""Category trees from JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.catalog import get_category_model, signals
from django_shopcore.catalog.importing import UnreadableFile, import_categories
from tests.catalog.csv_requests import entries, path_of_category
from tests.catalog.shapes import TREE
from tests.factories.catalog import CategoryFactory

pytestmark = [pytest.mark.projects("full", "catalog_only", "swapped"), pytest.mark.django_db]

BEST_BUY = Path(__file__).resolve().parents[3] / "shared" / "data" / "bestbuy-categories.json"


def flat(*names: Any) -> dict[str, Any]:
    """An entry as Best Buy has it."""
    return {"id": "x", "name": names[-1], "path": [{"id": "x", "name": name} for name in names], "subCategories": []}


def node(name: Any, *children: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "children": list(children)}


def paths() -> list[str]:
    return sorted(" > ".join(path_of_category(category)) for category in get_category_model().objects.all())


def test_paths_from_the_root_make_a_tree() -> None:
    CategoryFactory(name="A")
    report = import_categories([flat("A", "B", "C"), flat("A"), flat("A", "B"), flat(" A ", "B"), flat("D")])

    assert (report.created, report.unchanged, report.rejected, report.ok) == (3, 1, 0, True)
    assert paths() == ["A", "A > B", "A > B > C", "D"]


def test_nested_children_make_a_tree() -> None:
    report = import_categories([node("A", node("B", node("C")), node("D")), node("A", node("B"))])

    assert (report.created, report.unchanged) == (4, 0)
    assert paths() == ["A", "A > B", "A > B > C", "A > D"]


def test_the_trees_own_answer_comes_back_unchanged(anonymous: APIClient) -> None:
    for name in ("A", "B"):
        CategoryFactory(name="Boots", parent=CategoryFactory(name=name))

    report = import_categories(anonymous.get(TREE).json())
    assert (report.created, report.unchanged, report.rejected) == (0, 4, 0)


def test_an_entry_with_a_wrong_name_is_rejected_and_the_others_are_made() -> None:
    document = [
        flat("A", None),
        flat("A", "B"),
        {"id": "x", "name": None, "path": [{"name": "Z"}]},
        flat("A", " ", "C"),
        "text",
        None,
        {"name": 5},
        {"name": "x" * 256},
        {"name": "N\x00L"},
        {"name": "\ud800"},
        {"name": "P", "path": []},
        {"name": "P", "path": ["P"]},
        node("E", node("", node("F")), node("G")),
    ]
    report = import_categories(document)

    assert paths() == ["A", "A > B", "E", "E > G"]
    assert (report.created, report.rejected, report.ok) == (4, 13, False)
    assert entries(report.errors) == [
        (1, "0.name", "blank"),
        (3, "2.name", "blank"),
        (4, "3.name", "blank"),
        (5, "4.name", "blank"),
        (6, "5.name", "blank"),
        (7, "6.name", "invalid"),
        (8, "7.name", "max_length"),
        (9, "8.name", "invalid_text"),
        (10, "9.name", "invalid_text"),
        (11, "10.name", "blank"),
        (12, "11.name", "blank"),
        (14, "12.children.0.name", "blank"),
        (15, "12.children.0.children.0.name", "blank"),
    ]


def test_a_tree_deeper_than_its_own_json_may_be_is_cut_off() -> None:
    document: dict[str, Any] = node("deepest")
    for _ in range(5000):
        document = node("n", document)
    report = import_categories([document])

    assert report.created == 32
    assert [error["code"] for error in report.errors] == ["too_deep"]


@pytest.mark.parametrize("document", [{"name": "A"}, "text", None, 5])
def test_a_document_that_is_no_list_cannot_be_read(document: Any) -> None:
    with pytest.raises(UnreadableFile):
        import_categories(document)


def test_slugs_are_unique_also_among_many_of_one_name() -> None:
    CategoryFactory(name="Other", slug="boots-3")
    import_categories([flat(parent, "Boots") for parent in "ABCD"] + [flat("!!!"), flat("???")])

    slugs = set(get_category_model().objects.values_list("slug", flat=True))
    assert slugs == {"boots-3", "a", "b", "c", "d", "boots", "boots-2", "boots-4", "boots-5", "category", "category-2"}


def test_a_dry_run_writes_nothing_and_sends_nothing() -> None:
    heard: list[Any] = []

    def hear(categories: Any, **kwargs: Any) -> None:
        heard.append([category.name for category in categories])

    signals.categories_created.connect(hear)
    report = import_categories([flat("A", "B")], dry_run=True)
    assert (report.created, paths(), heard) == (2, [], [])
    import_categories([flat("A", "B")])
    import_categories([flat("A", "B")])
    assert heard == [["A", "B"]]


def test_queries_grow_with_the_levels_and_not_with_the_entries() -> None:
    def queries(count: int) -> int:
        document = [flat(f"{count}", f"{number}") for number in range(count)]
        with CaptureQueriesContext(
            connection,
        ) as captured:
            import_categories(document)
        # The audit log has a line for each, and SQLite takes so many at a time.
        return len([query for query in captured if "shopcore_audit" not in query["sql"]])

    assert queries(100) == queries(10)


def test_best_buys_tree_is_imported_and_imported_again() -> None:
    if not BEST_BUY.exists():
        pytest.skip("Best Buy's categories are not here")
    document = json.loads(BEST_BUY.read_text())

    first = import_categories(document)
    assert (first.created, first.unchanged, first.rejected) == (4713, 0, 1)
    assert entries(first.errors) == [(3980, "3979.name", "blank")]
    with CaptureQueriesContext(connection) as captured:
        second = import_categories(document)
    assert (second.created, second.unchanged, second.rejected) == (0, 4713, 1)
    assert len(captured) < 10
