"""An erasure leaves nothing of a person in any table, whatever the site's user model is.

A life is lived through the API and the Django admin, so that every table that can name somebody does. Then the
account is deleted, and all rows of all tables are searched.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session as CookieSession
from django.core import mail
from django.test import Client
from rest_framework.test import APIClient

from django_shopcore.accounts import link_tokens
from django_shopcore.accounts.models import PendingRegistration
from django_shopcore.audit.models import AuditEntry
from django_shopcore.core import personal_data
from django_shopcore.core.personal_data import PersonalData
from django_shopcore.notifications.models import DigestEntry, Notification, OptOut, OutboxMessage, Preferences
from tests.accounts.clients import bearer, tokens_of
from tests.factories.accounts import promote
from tests.factories.catalog import CategoryFactory
from tests.users import PASSWORD, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "host_user", "uuid_user", "email_user")]

API = "/api/v1/"
FORMER, PRESENT = "zebulon.first@example.com", "zebulon.second@example.com"
META = {"REMOTE_ADDR": "203.0.113.77", "HTTP_USER_AGENT": "Zebubrowser", "HTTP_X_REQUEST_ID": "zebu-request"}
NAMES = {"first_name": "Zebulonius", "last_name": "Quuxington"}
WORDS = ("zebulon", "zebubrowser", "zebu-request", "quuxington", "203.0.113.77")


def live(boss: Any, settings: Any) -> Any:
    """A person who has done, and to whom was done, all that leaves traces."""
    settings.SHOPCORE_RATE_LIMITS = True
    settings.SHOPCORE_ACCOUNTS_MAIL_COOLDOWN = 0
    settings.SHOPCORE_NOTIFICATIONS_ADMIN_EMAILS = ["alerts@example.org"]
    patient = make_user(admin=True)  # collects what others get at once
    kinds = {"new_registration": {"digest": "daily"}, "product_created": {"digest": "weekly"}}
    as_admin = bearer(tokens_of(patient).access)
    assert as_admin.patch(f"{API}notifications/preferences/", {"kinds": kinds}).status_code == 200
    anybody = APIClient()
    made = anybody.post(f"{API}auth/register/", {"email": FORMER, "password": PASSWORD, **NAMES}, **META)
    assert made.status_code == 201
    user = get_user_model()._default_manager.get(pk=made.json()["id"])
    promote(user)
    login = {"email": FORMER, "password": PASSWORD}
    anybody.post(f"{API}auth/login/", {**login, "password": "wrong"}, **META)
    tokens = anybody.post(f"{API}auth/login/", login, **META).json()
    tokens = anybody.post(f"{API}auth/refresh/", {"refresh": tokens["refresh"]}, **META).json()
    client = bearer(tokens["access"])
    anybody.post(f"{API}auth/password/reset/", {"email": FORMER}, **META)
    anybody.post(f"{API}auth/email/verify/resend/", {"email": FORMER}, **META)
    client.patch(f"{API}notifications/preferences/", {"language": "de", "kinds": kinds}, **META)
    product = {"name": "Lamp", "price": "1.00", "category": CategoryFactory.create().pk}
    assert client.post(f"{API}products/", product, **META).status_code == 201
    change = {"new_email": PRESENT, "password": PASSWORD}
    assert client.post(f"{API}auth/email/change/", change, **META).status_code == 202
    link = {"uid": link_tokens.encode(user.pk), "token": link_tokens.make_email_change_token(user, PRESENT)}
    assert anybody.post(f"{API}auth/email/change/confirm/", link, **META).status_code == 204
    anybody.post(f"{API}auth/login/", {"email": FORMER, "password": "wrong"}, **META)  # nobody's any more
    settings.SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION = "mandatory" if hasattr(user, "email_verified") else "optional"
    anybody.post(f"{API}auth/register/", {"email": PRESENT, "password": "a long secret", **NAMES}, **META)
    settings.SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION = "optional"
    user.refresh_from_db()
    _in_the_admin_site(user, boss)
    OptOut.objects.create(address=FORMER, kind="welcome")
    PendingRegistration.objects.create(email=FORMER, password="x")
    assert client.post(f"{API}products/", {**product, "name": "Desk"}, **META).status_code == 201
    return user


def _in_the_admin_site(user: Any, boss: Any) -> None:
    browser = Client(**META)
    browser.force_login(user)
    browser.get("/admin/")
    group = Group.objects.create(name="Staff")
    if hasattr(user, "groups"):
        user.groups.add(group)
    content_types = [ContentType.objects.get_for_model(model) for model in (get_user_model(), Preferences)]
    for content_type in content_types:
        for who in (user, boss):
            LogEntry.objects.create(
                user_id=who.pk, content_type=content_type, object_id=str(user.pk), object_repr=str(user),
                action_flag=CHANGE, change_message=f'[{{"changed": {{"object": "{user}"}}}}]',
            )  # fmt: skip


def texts_of(row: dict[str, Any]) -> str:
    return repr(sorted((name, str(value)) for name, value in row.items())).lower()


def traces(user: Any) -> dict[str, list[str]]:
    """By the model's label, the rows that name the person, or hold the key where users are named."""
    key = str(user.pk)
    words = [*WORDS, *([] if key.isdigit() else [key, key.replace("-", "")])]
    relations = {(field.model, field.attname) for field in personal_data.relations_to_users() if field.concrete}
    found: dict[str, list[str]] = {}
    for model in apps.get_models(include_auto_created=True):
        for row in model._base_manager.values():
            text = texts_of(row)
            named = any(word in text for word in words)
            keyed = any(str(row[name]) == key for owner, name in relations if owner is model)
            if named or keyed or _keyed_by_text(model, row, key):
                found.setdefault(model._meta.label, []).append(text)
    for session in CookieSession.objects.all():
        if session.get_decoded().get("_auth_user_id") == key:
            found.setdefault("sessions.Session", []).append(session.pk)
    return found


def _keyed_by_text(model: Any, row: dict[str, Any], key: str) -> bool:
    if model is AuditEntry:
        is_user = row["object_type"] == get_user_model()._meta.label_lower
        return row["actor_key"] == key or (is_user and row["object_key"] == key)
    if model is LogEntry:
        content_type = ContentType.objects.get(pk=row["content_type_id"])
        return content_type.model_class() in (get_user_model(), Preferences) and row["object_id"] == key
    return isinstance(row.get("data"), dict) and str(row["data"].get("user_id")) == key


@pytest.fixture
def boss() -> Any:
    return make_user(admin=True)


@pytest.fixture
def person(boss: Any, settings: Any) -> Any:
    return live(boss, settings)


EVERYWHERE = {
    "shopcore_accounts.Session",
    "shopcore_accounts.PendingRegistration",
    "shopcore_notifications.OutboxMessage",
    "shopcore_notifications.Notification",
    "shopcore_notifications.Preferences",
    "shopcore_notifications.DigestEntry",
    "shopcore_notifications.OptOut",
    "shopcore_audit.AuditEntry",
    "admin.LogEntry",
    "sessions.Session",
}


def erase(person: Any, method: str = "delete", path: str = "auth/me/") -> Any:
    client = bearer(tokens_of(person).access)
    return getattr(client, method)(f"{API}{path}", {"password": PASSWORD}, **META)


def test_the_life_leaves_traces_in_every_table_that_can_name_somebody(person: Any) -> None:
    assert traces(person).keys() >= EVERYWHERE


@pytest.mark.parametrize(("method", "path"), [("delete", "auth/me/"), ("post", "auth/me/delete/")])
def test_nothing_is_left_in_any_table(person: Any, method: str, path: str) -> None:
    response = erase(person, method, path)
    assert (response.status_code, response.content) == (204, b"")
    assert traces(person) == {}


def test_mails_on_their_way_do_not_leave(person: Any) -> None:
    from tests.accounts.mails import deliver

    erase(person)
    sent = deliver()
    assert sent
    assert not any("zebulon" in str(message.message()).lower() for message in sent)
    assert mail.outbox


PARTS = ["registrations", "notifications", "messages", "opt_outs", "audit", "admin_log", "cookie_sessions"]


@pytest.mark.parametrize("name", PARTS)
def test_each_part_is_needed(person: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: without its erasure something is found."""
    [part] = [part for part in personal_data.registered() if part.name == name]
    without: dict[str, PersonalData] = {**personal_data._registered, name: dataclasses.replace(part, erase=None)}
    monkeypatch.setattr(personal_data, "_registered", without)
    if name == "audit":  # which hears of a deleted user besides
        monkeypatch.setattr("django_shopcore.audit.personal.pseudonymise", lambda *args: 0)
    erase(person)
    assert traces(person)


def test_every_part_that_erases_has_its_control() -> None:
    assert {part.name for part in personal_data.registered() if part.erase is not None} == set(PARTS)


def test_what_others_hold_of_others_stays(person: Any, boss: Any) -> None:
    browser = Client()
    browser.force_login(boss)
    before = {model: model._base_manager.count() for model in (Notification, DigestEntry)}
    others = list(Notification.objects.filter(user=boss).values_list("pk", flat=True))
    own = {model: model._base_manager.filter(user=person.pk).count() for model in before}
    erase(person)
    assert {model: model._base_manager.count() + own[model] for model in before} == before
    assert set(others) == set(Notification.objects.filter(user=boss).values_list("pk", flat=True))
    assert OutboxMessage.objects.filter(kind="product_created").exists()
    assert [row.get_decoded()["_auth_user_id"] for row in CookieSession.objects.all()] == [str(boss.pk)]


def test_the_log_keeps_what_was_done_under_one_pseudonym(person: Any, boss: Any) -> None:
    erase(person)
    reader = bearer(tokens_of(boss).access)
    rows = reader.get(f"{API}audit/?size=100").json()["results"]
    erased = [row for row in rows if row["actor_id"].startswith("erased-")]
    [pseudonym] = {row["actor_id"] for row in erased}
    assert re.fullmatch(r"erased-[0-9a-f]{12}", pseudonym)
    assert {"account.registered", "product.created", "auth.signed_in", "account.deleted"} <= {
        row["action"] for row in erased
    }
    assert {(row["actor"], row["ip_address"], row["user_agent"], row["request_id"]) for row in erased} == {
        ("", None, "", "")
    }
    [deleted] = [row for row in rows if row["action"] == "account.deleted"]
    assert deleted["object_id"] == pseudonym


def test_deleting_wants_the_password(person: Any) -> None:
    client = bearer(tokens_of(person).access)
    before = traces(person)
    for body in ({}, {"password": "wrong"}, {"password": None}):
        assert client.delete(f"{API}auth/me/", body).status_code == 400
    after = traces(person)
    assert {label: len(rows) for label, rows in before.items() if label != "shopcore_audit.AuditEntry"} == {
        label: len(rows) for label, rows in after.items() if label != "shopcore_audit.AuditEntry"
    }


def test_the_last_active_admin_stays_whole(person: Any) -> None:
    for user in get_user_model()._default_manager.exclude(pk=person.pk):
        user.is_active = False
        user.save()
    before = {label: len(rows) for label, rows in traces(person).items() if label != "shopcore_accounts.Session"}
    response = erase(person)
    assert (response.status_code, response.json()["code"]) == (409, "last_admin")
    after = {label: len(rows) for label, rows in traces(person).items()}
    assert all(after[label] >= number for label, number in before.items())


@pytest.fixture
def failing() -> Iterator[None]:
    """Something of the site's that refuses, after all others have erased what is theirs."""
    from django.db.models import ProtectedError

    def refuse(person: Any) -> None:
        raise ProtectedError("An order refers to the user.", set())

    personal_data.register("orders", export=None, erase=refuse)
    yield
    personal_data.unregister("orders")


@pytest.mark.usefixtures("failing")
def test_what_protects_a_user_leaves_everything_as_it_was(person: Any) -> None:
    tokens = tokens_of(person)
    before = traces(person)
    response = bearer(tokens.access).delete(f"{API}auth/me/", {"password": PASSWORD})
    assert (response.status_code, response.json()["code"]) == (409, "in_use")
    after = traces(person)
    # The request itself may have moved the session's clock.
    assert {label: len(rows) for label, rows in before.items()} == {label: len(rows) for label, rows in after.items()}
    assert before["shopcore_notifications.OutboxMessage"] == after["shopcore_notifications.OutboxMessage"]
    assert before["shopcore_audit.AuditEntry"] == after["shopcore_audit.AuditEntry"]


@pytest.mark.projects("full", "uuid_user", "email_user")
def test_others_with_a_similar_address_or_a_former_one_keep_what_is_theirs(person: Any, boss: Any) -> None:
    heir = make_user(email=FORMER)  # the address has another owner by now
    longer = f"a{PRESENT}"
    told = [
        Notification.objects.create(user=boss, kind="k", message=f"{longer} wrote", data={"email": longer}),
        Notification.objects.create(
            user=boss, kind="k", message=f"{PRESENT} wrote, {FORMER} too", data={"a": [PRESENT]}
        ),
    ]
    kept = OutboxMessage.objects.create(dedupe_key="k", kind="k", channel="email", address=FORMER, user=heir)
    erase(person)
    for row in told:
        row.refresh_from_db()
    assert (told[0].message, told[0].data) == (f"{longer} wrote", {"email": longer})
    assert re.fullmatch(rf"erased-\w+ wrote, {re.escape(FORMER)} too", told[1].message)
    assert OutboxMessage.objects.filter(pk=kept.pk).exists()
    assert OptOut.objects.filter(address=FORMER).exists()


@pytest.mark.projects("host_user")
def test_a_user_name_is_taken_out_where_it_stands_for_itself(boss: Any) -> None:
    user = make_user()
    user.username = "ada"
    user.save()
    told = [
        Notification.objects.create(user=boss, kind="k", message="ada made it", data={"actor": "Ada"}),
        Notification.objects.create(user=boss, kind="k", message="New: Map of Canada", data={"name": "Map of Canada"}),
    ]
    log = LogEntry.objects.create(user_id=boss.pk, object_repr="Nevada", action_flag=CHANGE, change_message="Canada")
    assert erase(user).status_code == 204
    for row in (*told, log):
        row.refresh_from_db()
    assert told[0].data["actor"].startswith("erased-")
    assert told[0].message.startswith("erased-")
    assert (told[1].message, told[1].data) == ("New: Map of Canada", {"name": "Map of Canada"})
    assert (log.object_repr, log.change_message) == ("Nevada", "Canada")
