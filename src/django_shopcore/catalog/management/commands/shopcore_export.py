from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.exporting import export_products


class Command(BaseCommand):
    help = "Exports all products as CSV, in the format that shopcore_import reads."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", default="-", help='the file to write, or "-" for standard output')

    def handle(self, *args: Any, **options: Any) -> None:
        lines = export_products(get_product_model()._default_manager.order_by("created_at", "pk"))
        try:
            if options["file"] == "-":
                self._print(lines)
            else:
                with open(options["file"], "w", encoding="utf-8", newline="") as file:
                    file.writelines(lines)
        except BrokenPipeError:
            # The interpreter would try to flush once more at its end, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise CommandError("The reader closed the output before its end.") from None
        except OSError as exc:
            raise CommandError(f"{options['file']}: {exc.strerror or exc}") from None
        finally:
            # Not at the interpreter's end, when the database connection of an unfinished one is gone.
            lines.close()

    def _print(self, lines: Iterable[str]) -> None:
        # Bytes where there are any: a terminal's own encoding and line ends are not the file's.
        binary = getattr(self.stdout, "buffer", None)
        for line in lines:
            if binary is None:
                self.stdout.write(line, ending="")
            else:
                binary.write(line.encode())
        self.stdout.flush()
