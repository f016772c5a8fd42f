from __future__ import annotations

import io
import json
import sys
from contextlib import nullcontext
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.exceptions import APIException

from django_shopcore.catalog.importing import (
    FORMATS,
    ImportReport,
    UnreadableFile,
    import_categories,
    import_products,
)
from django_shopcore.catalog.importing.report import Entry

CATEGORIES = "categories"
WIDTH = 30


class Command(BaseCommand):
    help = (
        "Imports products from CSV (the export's format, Shopify's or django-oscar's) or a category tree from JSON. "
        "Products: all or nothing; categories: those without errors."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help='the file, or "-" for standard input')
        parser.add_argument(
            "--format", choices=[*FORMATS, CATEGORIES], help="what the file is (default: told by its beginning)"
        )
        parser.add_argument("--dry-run", action="store_true", help="report without writing")

    def handle(self, *args: Any, **options: Any) -> None:
        dry_run = options["dry_run"]
        try:
            with self._opened(options["file"]) as stream:
                kind = options["format"] or (CATEGORIES if _is_json(stream) else None)
                if kind == CATEGORIES:
                    report = import_categories(_read_json(stream), dry_run=dry_run)
                else:
                    bar = Bar(self.stderr, stream)
                    report = import_products(stream, format=kind, dry_run=dry_run, progress=bar.show)
                    bar.clear()
        except UnreadableFile as exc:
            self._list("error", exc.errors, "line")
            raise CommandError(str(exc.detail)) from None
        except APIException as exc:
            raise CommandError(str(exc.detail)) from None
        except OSError as exc:
            raise CommandError(f"{options['file']}: {exc.strerror or exc}") from None
        unit = "entry" if kind == CATEGORIES else "line"
        self._list("warning", report.warnings, unit)
        self._list("error", report.errors, unit)
        self._summarise(report, undone=dry_run or (kind != CATEGORIES and not report.ok))

    def _opened(self, name: str) -> Any:
        return nullcontext(sys.stdin.buffer) if name == "-" else open(name, "rb")

    def _list(self, kind: str, entries: list[Entry], unit: str) -> None:
        style = self.style.WARNING if kind == "warning" else self.style.ERROR
        for entry in entries:
            place = f"{unit} {entry['line']}" + (f", {entry['field']}" if entry["field"] else "")
            self.stderr.write(f"{kind}: {place}: {entry['detail']} ({entry['code']})", style)

    def _summarise(self, report: ImportReport, *, undone: bool) -> None:
        numbers = ", ".join(f"{name} {getattr(report, name)}" for name in ("created", "updated", "unchanged"))
        note = " (nothing was written)" if undone else ""
        self.stdout.write(f"{numbers}, rejected {report.rejected}{note}")
        if not report.ok and undone:
            raise CommandError(f"{report.rejected} rejected; nothing was written.")


def _is_json(stream: IO[bytes]) -> bool:
    start = cast(io.BufferedReader, stream).peek(1024).removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith((b"[", b"{"))


def _read_json(stream: IO[bytes]) -> Any:
    try:
        return json.loads(stream.read().decode("utf-8-sig"))
    except (ValueError, RecursionError) as exc:
        raise CommandError(f"Not JSON: {exc}") from None


class Bar:
    """A progress bar on a terminal, by the bytes read; nothing elsewhere."""

    def __init__(self, out: Any, stream: IO[bytes]) -> None:
        self.out, self.stream = out, stream
        self.size = stream.seek(0, io.SEEK_END) if out.isatty() and stream.seekable() else 0
        if self.size:
            stream.seek(0)

    def show(self, products: int) -> None:
        if self.size:
            share = self.stream.tell() / self.size
            self._write(f"\r[{'#' * int(WIDTH * share):{WIDTH}}] {share:4.0%} {products:,} products")

    def clear(self) -> None:
        if self.size:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        # Plain: what a command writes to its error stream is red unless it says otherwise.
        self.out.write(text, style_func=str, ending="")
        self.out.flush()
