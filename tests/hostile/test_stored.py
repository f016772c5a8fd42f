"""Poison that is taken and kept runs nowhere: not in the admin, not in a mail, not in an export, not in an answer."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.core import mail
from django.urls import reverse
from rest_framework.test import APIClient

from django_shopcore.notifications.worker import drain
from tests.catalog.admin_pages import browser, make_superuser
from tests.catalog.csv_requests import EXPORT
from tests.fixtures import client_of
from tests.hostile.corpus import FORMULAS, MARK, SCRIPTS, TEMPLATES, TEXTS
from tests.hostile.pages import dangers
from tests.hostile.sending import World

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full")]

API = "/api/v1/"
SHOWN = (
    SCRIPTS | TEMPLATES | FORMULAS | {name: TEXTS[name] for name in ("CRLF", "right to left", "format", "separators")}
)


def store(world: World) -> int:
    """Puts every poison into every text that a client can write; returns how often it was taken."""
    client = client_of(world.admin)
    taken = 0
    for number, text in enumerate(SHOWN.values()):
        category = {
            "name": text,
            "slug": f"poison-{number}",
            "metadata": {text: text},
            "private_metadata": {text: [text]},
        }
        taken += client.post(API + "categories/", category).status_code == 201
        product = {**category, "description": text, "sku": text, "price": "5.00", "category": world.keys["categories"]}
        taken += client.post(API + "products/", product).status_code == 201
        user = {"email": f"poison{number}@example.com", "password": "a long secret of 7 words"}
        names = {"first_name": text, "last_name": text}
        agent = text.replace("\r", "").replace("\n", "")
        registered = APIClient().post(API + "auth/register/", {**user, **names})
        taken += registered.status_code == 201
        if registered.status_code == 201:
            APIClient().post(API + "auth/login/", user, HTTP_USER_AGENT=agent)
        client.post(API + "auth/login/", {"email": text, "password": text}, HTTP_USER_AGENT=agent)
        client.post(API + "auth/email/change/", {"new_email": text, "password": text})
        client.post(API + "auth/password/reset/", {"email": f"poison{number}@example.com"})
    return taken


@pytest.fixture
def stored(world: World, settings: Any) -> World:
    settings.SHOPCORE_ACCOUNTS_MAIL_COOLDOWN = 0
    assert store(world) > 2 * len(SHOWN)
    return world


def admin_pages() -> Iterator[str]:
    """Lists, searches, forms, histories and deletions of all rows of every model in the admin."""
    for model, registered in admin.site._registry.items():
        meta = model._meta
        if not meta.app_label.startswith("shopcore_"):
            continue
        name = f"admin:{meta.app_label}_{meta.model_name}"
        yield reverse(f"{name}_changelist") + "?all="
        yield reverse(f"{name}_changelist") + f"?q=%22%3E%3Cscript%3E{MARK}()%3C/script%3E"
        for number, pk in enumerate(registered.model._base_manager.order_by("-pk").values_list("pk", flat=True)[:30]):
            for page in ("change", *(("history", "delete") if number % 3 == 0 else ())):
                yield reverse(f"{name}_{page}", args=[pk])


def test_nothing_runs_in_the_admin(stored: World) -> None:
    client = browser(make_superuser())
    # So that the history has something to tell.
    for model in (apps.get_model("shopcore_catalog.Product"), apps.get_model("shopcore_catalog.Category")):
        for row in model._default_manager.all():
            LogEntry.objects.log_actions(stored.admin.pk, [row], CHANGE, change_message=row.name)
    marked, templates = 0, 0
    for url in admin_pages():
        response = client.get(url)
        assert response.status_code in (200, 302, 403, 404), url
        page = response.content.decode()
        assert dangers(page) == [], url
        assert f"{MARK}14{MARK}" not in page, url
        marked, templates = marked + (MARK in page), templates + (TEMPLATES["Django variable"] in page)
    # Otherwise nothing of the poison was shown at all.
    assert marked > len(SCRIPTS)
    assert templates


def test_nothing_runs_in_a_mail(stored: World) -> None:
    drain()
    assert len(mail.outbox) > len(SHOWN)
    marked = 0
    for message in mail.outbox:
        headers = dict(message.message().items())
        assert "X-Injected" not in headers
        assert set(message.recipients()) <= {*message.to}
        html = [content for content, kind in message.alternatives if kind == "text/html"]
        assert html
        for page in html:
            assert dangers(page) == []
            marked += MARK in page
        assert "\n" not in str(message.subject)
        assert f"{MARK}14{MARK}" not in str(message.message())
    assert marked


def test_no_cell_of_an_export_is_a_formula(stored: World) -> None:
    response = client_of(stored.admin).get(EXPORT)
    rows = list(csv.reader(io.StringIO(response.getvalue().decode())))
    assert len(rows) > len(SHOWN)
    cells = [cell for row in rows[1:] for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))] == []
    assert any("HYPERLINK" in cell for cell in cells)


def test_answers_are_json_that_no_browser_takes_for_a_page(stored: World) -> None:
    for path in ("products/", "categories/", "categories/tree/", "products/facets/?search=<script>", "nothing-here/"):
        for accept in ("text/html", "*/*"):
            response = APIClient().get(API + path, HTTP_ACCEPT=accept)
            if response["Content-Type"].startswith("application/"):
                assert response["X-Content-Type-Options"] == "nosniff"
                json.loads(response.content)
            assert dangers(response.content.decode()) == [] or response["Content-Type"].startswith("application/")


def test_the_control_poison_that_is_not_escaped_is_found() -> None:
    for name, text in SCRIPTS.items():
        if name.startswith("event in"):
            assert dangers(f'<input value="{text}">') or dangers(f"<input value='{text}'>"), name
        elif "javascript:" in name:
            assert dangers(f'<a href="{text}">x</a>'), name
        elif name not in ("data:", "a link of Markdown"):
            assert dangers(f"<p>{text}</p>"), name
