"""A CSV file as records: decoded, split and numbered piece by piece, so that memory does not grow with the file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from django.utils.translation import gettext as _

from .report import Entry, UnreadableFile, entry

# Bytes of a line and characters of a record, far above what fits the columns. ``csv.field_size_limit`` is no such
# bound: it belongs to the whole process.
MAX_RECORD = 1024 * 1024
BOM = b"\xef\xbb\xbf"
OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff")
LONE_CR = re.compile(r"(?<=\r)(?!\n)")


@dataclass
class Record:
    """One line of the table: ``line`` is the physical line it starts on."""

    line: int
    cells: list[str]


@dataclass
class Row:
    """What a record, or several of one product, say: still to be checked against the database.

    ``values`` are input for the product serializer; a field that is not there keeps its value. The category
    is named by ``path``, or for a new product by ``new_path``; ``extra_metadata`` is merged into ``metadata``.
    ``extended`` holds the values of extensions by their names; those not in ``filled`` have blank cells only.
    """

    line: int
    slug: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    path: tuple[str, ...] | None = None
    new_path: tuple[str, ...] | None = None
    extra_metadata: dict[str, Any] = field(default_factory=dict)
    extended: dict[str, dict[str, Any]] = field(default_factory=dict)
    filled: set[str] = field(default_factory=set)
    errors: list[Entry] = field(default_factory=list)
    duplicate: bool = False

    def error(self, field: str, code: str, detail: Any, line: int | None = None) -> None:
        self.errors.append(entry(line or self.line, field, code, detail))


class _Lines:
    """The text lines of a binary stream, which must be UTF-8 with or without a byte-order mark."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.number = 0
        self.waiting: list[str] = []
        self.start_record()

    def start_record(self) -> None:
        self.record_line = self.number + 1
        self.record_length = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self.waiting:
            self._read()
        line = self.waiting.pop()
        self.number += 1
        self.record_length += len(line)
        if self.record_length > MAX_RECORD:
            raise self._too_long()
        return line

    def _too_long(self) -> UnreadableFile:
        return UnreadableFile(self.record_line, "record_too_long", _("The record is too long: is a quote missing?"))

    def _read(self) -> None:
        data = self.stream.readline(MAX_RECORD + 1)
        if not data:
            raise StopIteration
        if len(data) > MAX_RECORD:
            raise self._too_long()
        if not self.number:
            if data.startswith(OTHER_BOMS):
                raise UnreadableFile(1, "invalid_encoding", _("The file is UTF-16; save it as UTF-8."))
            data = data.removeprefix(BOM)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise UnreadableFile(self.number + 1, "invalid_encoding", _("This line is not UTF-8.")) from None
        if "\x00" in text:
            raise UnreadableFile(self.number + 1, "invalid_text", _("Text must not contain NUL characters."))
        # A file from an old Mac ends its lines with a carriage return.
        self.waiting = LONE_CR.split(text)[::-1] if "\r" in text[:-2] else [text]


def read_records(stream: IO[bytes]) -> Iterator[Record]:
    """The records of ``stream`` that hold anything. Raises ``UnreadableFile`` where it stops being CSV."""
    lines = _Lines(stream)
    # Strict: a quote that is never closed must not swallow the rest of the file unnoticed.
    reader = csv.reader(lines, strict=True)
    while True:
        lines.start_record()
        line = lines.record_line
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            raise UnreadableFile(line, "invalid_csv", _("Not CSV: %(error)s.") % {"error": exc}) from None
        if any(map(str.strip, cells)):
            yield Record(line, cells)
