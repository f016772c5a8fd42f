"""``shopcore_preview_emails``: every mail in files, to look at. It needs no database."""

from __future__ import annotations

import email
import email.policy
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_shopcore.notifications.kinds import kinds
from django_shopcore.notifications.previewing import previews

pytestmark = pytest.mark.projects("full", "host_user")

NAMES = [kind.name for kind in kinds() if "email" in kind.channels]


def write(directory: Path, *options: str) -> str:
    out = StringIO()
    call_command("shopcore_preview_emails", str(directory), *options, stdout=out)
    return out.getvalue()


def override(settings: Any, directory: Path, **options: Any) -> None:
    """Templates in ``directory`` win, as a site's own do."""
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [directory], "OPTIONS": {**engine["OPTIONS"], **options}}]


# The command


def test_every_mail_is_written_as_text_as_html_and_as_a_mail(tmp_path: Path) -> None:
    out = write(tmp_path / "deep" / "mails", "--language", "en")
    directory = tmp_path / "deep" / "mails"
    files = [f"{name}.{suffix}" for name in NAMES for suffix in ("txt", "html", "eml")]
    assert {path.name for path in directory.iterdir()} == {"index.html", *files}
    assert "welcome: Welcome to shop.example\n" in out
    assert out.endswith(f"{len(NAMES)} mails written; open {directory / 'index.html'}\n")


def test_the_text_has_its_subject_on_top(tmp_path: Path) -> None:
    write(tmp_path, "--language", "en")
    text = (tmp_path / "welcome.txt").read_text(encoding="utf-8")
    assert text.startswith("Subject: Welcome to shop.example\n\nHello Ada,\n\n")


def test_the_mail_is_what_would_be_sent(tmp_path: Path) -> None:
    write(tmp_path, "--language", "en")
    message = email.message_from_bytes((tmp_path / "welcome.eml").read_bytes(), policy=email.policy.default)
    assert (message["Subject"], message["To"]) == ("Welcome to shop.example", "ada@example.com")
    assert "List-Unsubscribe" in message
    text, html = (part.get_content() for part in message.iter_parts())  # type: ignore[attr-defined]
    assert text.splitlines()[0] == "Hello Ada,"
    assert html.replace("\r\n", "\n").strip().endswith("</html>")


def test_the_index_shows_subjects_and_links_the_files(tmp_path: Path) -> None:
    write(tmp_path, "--language", "en")
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'href="([^"]+)"', index)
    assert len(links) == 3 * len(NAMES)
    assert all((tmp_path / link).is_file() for link in links)
    assert "Welcome to shop.example" in index


def test_a_second_run_replaces_what_the_first_wrote(tmp_path: Path) -> None:
    (tmp_path / "welcome.txt").write_text("old")
    write(tmp_path)
    assert "old" not in (tmp_path / "welcome.txt").read_text(encoding="utf-8")


def test_the_language_is_that_of_the_option(tmp_path: Path) -> None:
    write(tmp_path, "--language", "de")
    assert "- 31. Januar 2026, " in (tmp_path / "daily_digest.txt").read_text(encoding="utf-8")
    write(tmp_path, "--language", "en")
    assert "- Jan. 31, 2026, " in (tmp_path / "daily_digest.txt").read_text(encoding="utf-8")


def test_without_the_option_it_is_the_sites_language(tmp_path: Path, settings: Any) -> None:
    settings.LANGUAGE_CODE = "fr"
    write(tmp_path)
    assert "31 janvier 2026" in (tmp_path / "daily_digest.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["tlh", "EN", "../de"])
def test_a_language_that_the_site_does_not_have_is_refused(tmp_path: Path, language: str) -> None:
    with pytest.raises(CommandError, match="is not among the site's LANGUAGES"):
        write(tmp_path / "mails", "--language", language)
    assert not (tmp_path / "mails").exists()


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_the_place_of_the_directory_is_refused_and_kept(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(CommandError, match="Cannot write to"):
        write(tmp_path / place)
    assert (tmp_path / "file").read_text() == "precious"


def test_a_sites_own_template_is_shown(tmp_path: Path, settings: Any) -> None:
    own = tmp_path / "templates" / "shopcore" / "notifications" / "welcome"
    own.mkdir(parents=True)
    (own / "subject.txt").write_text("Come in, {{ name }}")
    override(settings, tmp_path / "templates")
    assert "welcome: Come in, Ada\n" in write(tmp_path / "mails")


@pytest.mark.parametrize("text", ["{% if %}", "{% extends 'missing.txt' %}"])
def test_a_broken_template_is_told_without_a_traceback(tmp_path: Path, settings: Any, text: str) -> None:
    own = tmp_path / "templates" / "shopcore" / "notifications" / "welcome"
    own.mkdir(parents=True)
    (own / "body.txt").write_text(text)
    override(settings, tmp_path / "templates")
    with pytest.raises(CommandError, match="A template is missing or wrong"):
        write(tmp_path / "mails")


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_has_all_that_the_templates_use(name: str, settings: Any, tmp_path: Path) -> None:
    override(settings, tmp_path, string_if_invalid="(no %s)")
    [mail] = [mail for mail in previews("en") if mail.kind.name == name]
    assert "(no " not in mail.subject + mail.text + mail.html
