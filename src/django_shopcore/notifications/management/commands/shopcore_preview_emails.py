from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import render_to_string

from django_shopcore.notifications.previewing import Preview, previews

INDEX = "shopcore/notifications/previews.html"


class Command(BaseCommand):
    help = "Writes every mail, made of sample data, to files: as text, as HTML and as a mail program opens it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path, metavar="DIR", help="where to; made when missing")
        parser.add_argument(
            "--language", default="", metavar="CODE", help=f"one of LANGUAGES ({settings.LANGUAGE_CODE})"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        directory: Path = options["directory"]
        language: str = options["language"]
        if language and language not in dict(settings.LANGUAGES):
            raise CommandError(f"{language!r} is not among the site's LANGUAGES.")
        try:
            mails = previews(language)
        except (TemplateDoesNotExist, TemplateSyntaxError) as exc:
            raise CommandError(f"A template is missing or wrong: {exc}") from exc
        try:
            directory.mkdir(parents=True, exist_ok=True)
            for mail in mails:
                self._write(directory, mail)
            index = directory / "index.html"
            index.write_text(render_to_string(INDEX, {"mails": mails}), encoding="utf-8")
        except OSError as exc:
            raise CommandError(f"Cannot write to {directory}: {exc}") from exc
        self.stdout.write(f"{len(mails)} mails written; open {index}")

    def _write(self, directory: Path, mail: Preview) -> None:
        text = f"Subject: {mail.subject}\n\n{mail.text}"
        (directory / f"{mail.kind.name}.txt").write_text(text, encoding="utf-8")
        (directory / f"{mail.kind.name}.html").write_text(mail.html, encoding="utf-8")
        (directory / f"{mail.kind.name}.eml").write_bytes(mail.message.message().as_bytes())
        self.stdout.write(f"{mail.kind.name}: {mail.subject}")
