"""Importing a tree of categories from JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import router, transaction
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ValidationError

from django_shopcore.core.errors import flatten
from django_shopcore.core.parsers import check_text
from django_shopcore.core.writes import atomic_write

from .. import get_category_model
from ..csv_format import MAX_DEPTH, Path, checked_path
from .products import announce_categories
from .report import ImportReport, UnreadableFile, entry
from .tree import CategoryTree


def import_categories(document: Any, *, dry_run: bool = False, actor: Any = None) -> ImportReport:
    """Makes the categories of a parsed JSON document that are missing.

    The document is a list of entries, either with their ``path`` from the root (a list of ``{"name"}``, as in
    Best Buy's open data), or nested by ``children`` (as ``categories/tree/`` answers). Equal paths are one
    category. An entry with a wrong name is rejected; unlike with products, the others are made all the same.

    The report counts categories, and its ``line`` is the number of the entry in the document. Sends
    ``categories_created``. Raises ``UnreadableFile`` when the document is no list.
    """
    if not isinstance(document, list):
        raise UnreadableFile(1, "invalid_document", _("A list of categories is required."))
    report = ImportReport()
    model = get_category_model()
    paths = _read_paths(document, report)
    with atomic_write(model):
        tree = CategoryTree()
        tree.ensure(paths)
        report.created = len(tree.created)
        report.unchanged = len(paths) - report.created
        if dry_run:
            transaction.set_rollback(True, using=router.db_for_write(model))
        else:
            announce_categories(tree.created, actor)
    return report


def _read_paths(document: list[Any], report: ImportReport) -> set[Path]:
    """The paths of all entries that are in order, and of what is above them."""
    paths: set[Path] = set()
    for number, (place, names) in enumerate(_entries(document), start=1):
        try:
            path = checked_path([_name(name) for name in names])
        except ValidationError as exc:
            report.reject([entry(number, place, error["code"], error["detail"]) for error in flatten(exc.detail)])
        else:
            paths.update(path[:length] for length in range(1, len(path) + 1))
    return paths


def _entries(document: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    """Each entry in the document's order, as its place and the names of its path."""
    stack: list[tuple[str, list[Any], Any]] = [(str(index), [], item) for index, item in enumerate(document)][::-1]
    while stack:
        place, above, item = stack.pop()
        fields = item if isinstance(item, dict) else {}
        steps = fields.get("path")
        names = [*above, fields.get("name")]
        if isinstance(steps, list):
            names = [step.get("name") if isinstance(step, dict) else None for step in steps] or [None]
            # An entry without a name of its own is not saved by its path.
            names += [None] if fields.get("name") is None else []
        yield f"{place}.name", names
        children = fields.get("children")
        if isinstance(children, list) and len(names) <= MAX_DEPTH:
            below = [(f"{place}.children.{index}", names, child) for index, child in enumerate(children)]
            stack.extend(below[::-1])


def _name(name: Any) -> str:
    if name is None:
        return ""
    if not isinstance(name, str):
        raise ValidationError(_("A name must be a text."), code="invalid")
    try:
        check_text(name)
    except APIException as exc:
        raise ValidationError(exc.detail) from None
    return name
