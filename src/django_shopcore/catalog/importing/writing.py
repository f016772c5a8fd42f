"""Rows to products, a chunk at a time: a fixed number of queries for each chunk, none for a row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import router
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from django_shopcore.core import changes, extension_writes
from django_shopcore.core.errors import flatten
from django_shopcore.core.extension_fields import ExtensionField
from django_shopcore.core.extensions import Extension, extensions_of, lock_extensions
from django_shopcore.core.locking import lock_rows
from django_shopcore.core.lookups import among
from django_shopcore.core.storing import BulkStore

from .. import get_category_model, get_product_model, signals
from ..checking import References, RowChecker, differs
from ..serializers import UNIQUE_MESSAGES, product_serializer_class
from .records import Row
from .report import MAX_CREATED, Change, ImportReport
from .tree import CategoryTree


class Seen:
    """Which values the file had, and on which line: in a temporary file, since even hashes of a long one add up."""

    def __init__(self) -> None:
        # Without a name SQLite makes a file that goes with the connection, and writes what its small cache cannot hold.
        self.file = sqlite3.connect("")
        self.file.execute("PRAGMA journal_mode = OFF")
        self.file.execute("CREATE TABLE seen (hash INTEGER PRIMARY KEY, line INTEGER)")

    def line_of(self, value: str, line: int) -> int | None:
        """The line that had ``value`` before; ``None`` for a new one, which is noted for ``line``."""
        added = self.file.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (hash(value), line))
        if added.rowcount:
            return None
        [first] = self.file.execute("SELECT line FROM seen WHERE hash = ?", (hash(value),)).fetchone()
        return None if first == line else int(first)

    def __enter__(self) -> Seen:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()


@dataclass
class Chunk:
    """The rows of one round with what the database holds of them."""

    rows: list[Row]
    present: dict[str, Any]
    new: list[Any] = field(default_factory=list)
    changed: list[Any] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)
    freed: list[Any] = field(default_factory=list)
    extended: list[tuple[Any, dict[Extension, Any]]] = field(default_factory=list)


class ProductWriter:
    """Writes rows in the caller's transaction, which is to be rolled back when the report has rejected any.

    Rows after a rejected one are written all the same: what they say of each other stays true that way.
    """

    def __init__(self, report: ImportReport, actor: Any = None) -> None:
        self.report = report
        self.actor = actor
        self.model = get_product_model()
        self.manager = self.model._default_manager.using(router.db_for_write(self.model))
        self.columns = {column.name: column for column in self.model._meta.concrete_fields}
        self.currency = self.columns["currency"].get_default()
        self.extensions = {extension.name: extension for extension in extensions_of(self.model)}
        self.written = {*self.columns, *(extension.accessor for extension in self.extensions.values())}
        self.tree = CategoryTree()
        self.categories: dict[Any, Any] = {}
        serializer_class = product_serializer_class()
        context: dict[str, Any] = {"complete": True, "unchecked": True}
        self.references = References(serializer_class(context=context), {"category": self.categories})
        context["known_keys"] = self.references.known
        # One of each for all rows: making a serializer's fields costs more than running them.
        self.for_new = RowChecker(serializer_class(context=context))
        self.for_present = RowChecker(serializer_class(context=context, partial=True))
        self.store = BulkStore(self.manager)
        self.slugs = Seen()
        self.skus = Seen()
        # What nobody was told of yet: while the server writes rows, the next ones are read from the file.
        self.written_now: tuple[list[Any], list[Any]] = ([], [])

    def __enter__(self) -> ProductWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        with self.slugs, self.skus:
            self.store.__exit__(*error)

    def finish(self) -> None:
        """Waits until the rows are written, and tells of them. To be called before any other use of the database."""
        self.store.finish()
        (created, updated), self.written_now = self.written_now, ([], [])
        if created or updated:
            signals.products_import_goes_on.send(sender=self.model, created=created, updated=updated, actor=self.actor)

    def write(self, rows: Iterable[Row]) -> None:
        """Creates, updates and leaves alone; counts each row in the report."""
        rows = list(rows)
        for row in rows:
            self._check_first(row)
        slugs = {row.slug for row in rows if row.slug}
        present = lock_rows(self.manager.filter(among(self.model, "slug", slugs)))
        lock_extensions(present)
        changes.remember(present)
        chunk = Chunk(rows, {product.slug: product for product in present})
        self._place(chunk)
        self.references.load(row.values for row in rows)
        checked = [(row, self._checked(row, chunk.present.get(row.slug))) for row in rows]
        self._check_skus(chunk, checked)
        for one in self.for_new.serializer.fields.values():
            if isinstance(one, ExtensionField):
                self._check_extension(chunk, one, checked)
        for row, values in checked:
            if row.errors:
                self.report.reject(row.errors)
            else:
                self._plan(chunk, row, values)
        self._save(chunk)

    def _check_first(self, row: Row) -> None:
        first = self.slugs.line_of(row.slug, row.line) if row.slug else None
        if first is not None:
            row.duplicate = True
            row.error("slug", "duplicate", _("Line %(line)d has this product already.") % {"line": first})

    def _place(self, chunk: Chunk) -> None:
        """Makes missing categories and names each row's by its key."""
        for row in chunk.rows:
            if row.path is None and row.slug not in chunk.present:
                row.path = row.new_path
        self.tree.ensure(row.path for row in chunk.rows if row.path)
        for row in chunk.rows:
            if row.path:
                key = self.tree.find(row.path)
                row.values["category"] = key
                if key not in self.categories:
                    category: Any = get_category_model()
                    self.categories[key] = category(pk=key, name=row.path[-1])

    def _checked(self, row: Row, product: Any) -> dict[str, Any]:
        """The row's values by column, as the API would take them; errors go to the row."""
        if row.duplicate:
            return {}
        if row.extra_metadata:
            row.values["metadata"] = {**(product.metadata if product else {}), **row.extra_metadata}
        for name, given in row.extended.items():
            # Blank cells alone make no row.
            if name in row.filled or (product is not None and self.extensions[name].row_of(product) is not None):
                row.values[name] = given
        checker = self.for_present if product else self.for_new
        checker.serializer.instance, checker.serializer.initial_data = product, row.values
        try:
            values = checker.run(row.values)
        except ValidationError as exc:
            known = {error["field"] for error in row.errors}
            for error in flatten(exc.detail):
                if error["field"] not in known and "" not in known:
                    row.error(error["field"], error["code"], error["detail"])
            return {}
        return {name: value for name, value in values.items() if name in self.written}

    def _check_skus(self, chunk: Chunk, checked: list[tuple[Row, dict[str, Any]]]) -> None:
        """A SKU belongs to one line of the file, and to no other product unless a line above gave it up."""
        wanted = {
            values["sku"]
            for row, values in checked
            if values.get("sku") and values["sku"] != getattr(chunk.present.get(row.slug), "sku", None)
        }
        found = self.manager.filter(among(self.model, "sku", wanted)).order_by()
        holders = dict(found.values_list("sku", "pk")) if wanted else {}
        before = dict(holders)
        for row, values in checked:
            sku, product = values.get("sku"), chunk.present.get(row.slug)
            if product is not None and "sku" in values and sku != product.sku:
                holders.pop(product.sku, None)
                if before.get(sku) is not None:
                    chunk.freed.append(before[sku])
            if not sku:
                continue
            first = self.skus.line_of(sku, row.line)
            if first is not None:
                row.error("sku", "duplicate", _("Line %(line)d has this SKU already.") % {"line": first})
            elif holders.setdefault(sku, product and product.pk) != (product and product.pk):
                row.error("sku", "unique", UNIQUE_MESSAGES["sku"])

    def _check_extension(self, chunk: Chunk, one: ExtensionField, checked: list[tuple[Row, dict[str, Any]]]) -> None:
        rows = [(row, values[one.extension.accessor]) for row, values in checked if values.get(one.extension.accessor)]
        each = [(chunk.present.get(row.slug), values) for row, values in rows]
        for place, name, message in extension_writes.taken_values(one, each):
            rows[place][0].error(f"{one.field_name}.{name}", "unique", message)

    def _plan(self, chunk: Chunk, row: Row, values: dict[str, Any]) -> None:
        product: Any = chunk.present.get(row.slug)
        own, extended = extension_writes.split(self.model, values)
        differences = {one: extension_writes.differences(one, product, given) for one, given in extended.items()}
        if product is None:
            # A default that is a setting is looked up once, not for each row.
            product = self.model(slug=row.slug, currency=self.currency)
            chunk.new.append(product)
            changed = set(own)
            self.report.created += 1
        else:
            changed = {name for name, value in own.items() if differs(product, name, value)}
            extended = {one: values for one, values in extended.items() if differences[one]}
            if not changed and not extended:
                self.report.unchanged += 1
                return
            chunk.changed.append(product)
            chunk.columns |= changed
            self.report.updated += 1
        if self.report.shows_more:
            is_new = row.slug not in chunk.present
            fields = [
                (name, None if is_new else getattr(product, name), value)
                for name, value in own.items()
                if name in changed
            ]
            fields += [(f"{one.name}.{name}", old, value) for one in extended for name, old, value in differences[one]]
            self.report.changes.append(Change(row.line, row.slug, is_new, fields))
        for name in changed:
            setattr(product, name, own[name])
        if extended:
            chunk.extended.append((product, extended))

    def _save(self, chunk: Chunk) -> None:
        if chunk.freed:
            # A SKU that moves within the chunk: the database checks uniqueness row by row, in an order of its own.
            self.manager.filter(pk__in=chunk.freed).update(sku=None)
        if chunk.changed:
            self.store.update(chunk.changed, chunk.columns)
        if chunk.new:
            self.store.insert(chunk.new)
            self.report.first_created += chunk.new[: MAX_CREATED - len(self.report.first_created)]
        if chunk.extended:
            self.store.finish()
            extension_writes.write_many(self.model, chunk.extended)
        self.written_now = (chunk.new, chunk.changed)
