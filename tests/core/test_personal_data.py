"""Whoever refers to a user says what becomes of it: nothing is forgotten when a model is added."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.contenttypes.fields import GenericForeignKey
from django.core.management import call_command
from django.db import models
from django.test.utils import isolate_apps

from django_shopcore.core import personal_data, personal_data_checks

PROJECTS = ("full", "extended", "host_user", "uuid_user", "email_user", "swapped", "accounts_only")
pytestmark = [pytest.mark.django_db, pytest.mark.projects(*PROJECTS)]


@pytest.mark.projects("full", "extended", "host_user", "email_user", "swapped", "accounts_only")
def test_every_relation_to_users_is_registered() -> None:
    assert personal_data.unregistered() == []


@pytest.mark.projects("uuid_user")
def test_a_relation_of_the_sites_own_that_nobody_registered_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert personal_data.unregistered() == ["members.Ownership.member"]
    call_command("shopcore_doctor", verbosity=1)
    assert "members.Ownership.member" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["sessions", "notifications", "preferences", "messages", "waiting_for_digest"])
@pytest.mark.projects("full")
def test_one_that_is_forgotten_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = {part.name: part for part in personal_data.registered() if part.name != name}
    monkeypatch.setattr(personal_data, "_registered", rest)
    assert len(personal_data.unregistered()) == 1


@pytest.fixture
def new_models(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A site whose user is referred to in every way there is. Its models know nothing of the real ones."""
    with isolate_apps("django_shopcore.core"):

        class OfTheSite(models.Model):
            class Meta:
                abstract = True
                app_label = "shopcore_core"

        class Customer(OfTheSite):
            friends = models.ManyToManyField("self")

        class Order(OfTheSite):
            buyer = models.ForeignKey(Customer, models.PROTECT, related_name="+")

        class Profile(OfTheSite):
            owner = models.OneToOneField(Customer, models.SET_NULL, null=True, related_name="+")

        class Club(OfTheSite):
            members = models.ManyToManyField(Customer, related_name="+")

        class Note(OfTheSite):
            content_type = models.IntegerField()
            key = models.TextField()
            about = GenericForeignKey("content_type", "key")

        class Unrelated(OfTheSite):
            order = models.ForeignKey(Order, models.CASCADE, related_name="+")

        made: list[Any] = [Customer, Order, Profile, Club, Club.members.through, Note, Unrelated]
        made.append(Customer.friends.through)
        monkeypatch.setattr(personal_data, "user_model", lambda: Customer)
        monkeypatch.setattr(personal_data.apps, "get_models", lambda **kwargs: made)
        monkeypatch.setattr(personal_data, "_registered", {})
        yield


@pytest.mark.projects("full")
@pytest.mark.usefixtures("new_models")
def test_every_kind_of_relation_is_found() -> None:
    assert personal_data.unregistered() == [
        "shopcore_core.Order.buyer",
        "shopcore_core.Profile.owner",
        "shopcore_core.Club_members.customer",
        "shopcore_core.Note.about",
    ]


@pytest.mark.projects("full")
@pytest.mark.usefixtures("new_models")
def test_rows_that_would_stay_are_an_error_unless_something_erases_them() -> None:
    for label, found in (("Order", 1), ("Profile", 1), ("Club_members", 0)):
        personal_data.register("all", export=None, erase=None, models=[f"shopcore_core.{label}"])
        messages = personal_data_checks.check_registrations(None)
        assert [message.id for message in messages] == ["shopcore.E013"] * found, label
        personal_data.register("all", export=None, erase=lambda person: None, models=[f"shopcore_core.{label}"])
        assert personal_data_checks.check_registrations(None) == []
