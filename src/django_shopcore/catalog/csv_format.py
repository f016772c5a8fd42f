"""The catalogue's own CSV: which columns it has, and how a cell holds what is not plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rest_framework.exceptions import ValidationError

from django_shopcore.core.extension_fields import ExtensionField

Path = tuple[str, ...]

COLUMNS = (
    "slug",
    "name",
    "sku",
    "description",
    "price",
    "compare_at_price",
    "currency",
    "category",
    "in_stock",
    "is_published",
    "image_url",
    "metadata",
    "private_metadata",
    "created_at",
    "updated_at",
)
READ_ONLY_COLUMNS = frozenset({"id", "currency", "category_name", "created_at", "updated_at"})

# Each name of a path takes two levels of the tree's JSON, and our own parser refuses more than 64 of those.
MAX_DEPTH = 32

# What makes a spreadsheet take a cell for a formula. Apostrophes in front are part of it, so that a cell which
# really starts with one comes back as it was.
FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 - full-width, as spreadsheets accept them
NEUTRALISED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001
PATH_PARTS = re.compile(r"\\[\\>]|>|[^\\>]+|\\")


class ExtensionColumn:
    """A writable field of an extension as a column, ``spec.weight`` for one."""

    def __init__(self, outer: ExtensionField, inner: Any) -> None:
        self.outer, self.inner = outer, inner
        self.allow_null, self.allow_blank = inner.allow_null, getattr(inner, "allow_blank", False)

    def get_attribute(self, product: Any) -> Any:
        row = self.outer.extension.row_of(product)
        return None if row is None else self.inner.get_attribute(row)

    def to_representation(self, value: Any) -> Any:
        return self.inner.to_representation(value)


def own_fields(serializer: Any) -> dict[str, Any]:
    """The writable fields that a site's product serializer has beyond ours: columns of the CSV like the others.

    Those of an extension are a column each.
    """
    known = {*COLUMNS, *READ_ONLY_COLUMNS}
    found: dict[str, Any] = {}
    for name, field in serializer.fields.items():
        if name in known or field.read_only:
            continue
        if isinstance(field, ExtensionField):
            inner = field.serializer.fields
            found |= {f"{name}.{key}": ExtensionColumn(field, one) for key, one in inner.items() if not one.read_only}
        else:
            found[name] = field
    return found


def neutralise(cell: str) -> str:
    """``cell`` with an apostrophe in front where a spreadsheet would run it as a formula."""
    return "'" + cell if FORMULA.match(cell) else cell


def restore(cell: str) -> str:
    """The text that ``neutralise`` was given."""
    return cell[1:] if NEUTRALISED.match(cell) else cell


def join_path(names: Iterable[str]) -> str:
    r"""``Computers > Laptops``; a ``>`` inside a name is written ``\>`` and a backslash ``\\``."""
    return " > ".join(name.replace("\\", "\\\\").replace(">", "\\>") for name in names)


@lru_cache(maxsize=4096)
def split_path(cell: str) -> Path:
    """The names of a path made by ``join_path`` or by hand; blanks around a name do not count.

    Raises ``ValidationError`` as ``checked_path`` does.
    """
    names = [""]
    for part in PATH_PARTS.findall(cell):
        if part == ">":
            names.append("")
        else:
            names[-1] += part[1] if part in ("\\\\", "\\>") else part
    return checked_path(names)


def checked_path(names: Iterable[str]) -> Path:
    """``names`` trimmed. Raises ``ValidationError`` for an empty or too long name and for too many of them."""
    path = tuple(name.strip() for name in names)
    if not all(path):
        raise ValidationError(_("A name in the path is empty."), code="blank")
    if max(map(len, path)) > 255:
        raise ValidationError(_("A name must not be longer than 255 characters."), code="max_length")
    if len(path) > MAX_DEPTH:
        text = ngettext("The path has more than %(max)d name.", "The path has more than %(max)d names.", MAX_DEPTH)
        raise ValidationError(text % {"max": MAX_DEPTH}, code="too_deep")
    return path
