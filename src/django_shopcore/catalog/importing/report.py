"""What an import says of itself, and the errors that end one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as _

from django_shopcore.core.errors import InvalidInput, field_error

from ..conf import app_settings

Entry = dict[str, Any]
MAX_CHANGES = 20
MAX_CREATED = 100


def entry(line: int, field: str, code: str, detail: Any) -> Entry:
    """One error or warning. ``line`` is where the record starts; in a JSON document, the entry's number."""
    return {"line": line, **field_error(field, code, detail)}


@dataclass
class Change:
    """What an import does to one product: ``fields`` are names with the old and the new value."""

    line: int
    slug: str
    is_new: bool
    fields: list[tuple[str, Any, Any]]


@dataclass
class ImportReport:
    """Numbers of products (or of categories) by what became of them, and what was wrong with the file.

    ``errors`` and ``warnings`` are lists of ``{"line", "field", "code", "detail"}`` with at most
    ``SHOPCORE_CATALOG_MAX_REPORTED_ERRORS`` entries each; the numbers count them all. ``changes`` shows the
    first few products that are new or different; ``first_created`` are the first hundred new ones.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    errors: list[Entry] = field(default_factory=list)
    warnings: list[Entry] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    first_created: list[Any] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing was rejected."""
        return not self.rejected

    @property
    def total(self) -> int:
        return self.created + self.updated + self.unchanged + self.rejected

    def reject(self, errors: list[Entry]) -> None:
        """Counts one rejected product and lists its errors."""
        self.rejected += 1
        self.errors += errors[: max(0, app_settings.MAX_REPORTED_ERRORS - len(self.errors))]

    def stop(self, line: int) -> None:
        """Says, as the last of the errors, that nothing after ``line`` was read."""
        detail = _("Too many rows are wrong: the rest of the file was not read.")
        self.errors[app_settings.MAX_REPORTED_ERRORS - 1 :] = [entry(line, "", "too_many_errors", detail)]

    def warn(self, line: int, field: str, code: str, detail: Any) -> None:
        if len(self.warnings) < app_settings.MAX_REPORTED_ERRORS:
            self.warnings.append(entry(line, field, code, detail))

    @property
    def shows_more(self) -> bool:
        """Whether there is room in ``changes``."""
        return len(self.changes) < MAX_CHANGES

    def as_dict(self) -> dict[str, Any]:
        """The report as the API answers it."""
        return {
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "errors": self.errors,
            "warnings": self.warnings,
        }


class UnreadableFile(InvalidInput):
    """400: the file as a whole cannot be read: not UTF-8, not CSV, or without a header that makes sense."""

    default_detail = _("The file cannot be read.")
    default_code = "unreadable_file"

    def __init__(self, line: int, code: str, detail: Any, field: str = "") -> None:
        super().__init__([entry(line, field, code, detail)])


class ImportRejected(InvalidInput):
    """400: some rows are wrong, so nothing was written. The report is beside the problem's fields."""

    default_detail = _("Nothing was imported: some rows are wrong.")
    default_code = "import_rejected"

    def __init__(self, report: ImportReport) -> None:
        members = report.as_dict()
        super().__init__(members.pop("errors"), members)
        self.report = report
