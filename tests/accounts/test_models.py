from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import authenticate, get_user_model
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = [pytest.mark.projects("full", "accounts_only"), pytest.mark.django_db]


@pytest.fixture
def model() -> Any:
    return get_user_model()


def test_a_saved_address_has_one_spelling(model: Any) -> None:
    user = model(email=" Ada@Example.COM ")
    user.save()
    assert user.email == "ada@example.com"
    assert model.objects.create_user("Grace@example.com").email == "grace@example.com"
    assert model.objects.normalize_email(" Ada@Example.COM ") == "ada@example.com"


def test_an_address_is_found_in_any_case(model: Any) -> None:
    user = UserFactory(email="ada@example.com")
    assert model.objects.get_by_natural_key("ADA@example.com ") == user
    assert authenticate(username="ADA@example.com", password=PASSWORD) == user


@pytest.mark.django_db(transaction=True)
def test_also_where_django_asks_asynchronously(model: Any) -> None:
    user = UserFactory(email="ada@example.com")
    assert async_to_sync(model.objects.aget_by_natural_key)("ADA@example.com") == user


def test_the_database_refuses_another_spelling_however_it_comes(model: Any) -> None:
    UserFactory(email="ada@example.com")
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.bulk_create([model(email="Ada@example.com")])


def test_a_form_says_so_before(model: Any) -> None:
    UserFactory(email="ada@example.com")
    user = model(email="Ada@Example.com", password="x")
    with pytest.raises(ValidationError) as refusal:
        user.full_clean()
    assert "There is an account with this address already." in refusal.value.messages


def test_a_form_takes_an_address_and_normalises_it(model: Any) -> None:
    user = model(email="Ada@Example.com", password="x")
    user.full_clean()
    assert user.email == "ada@example.com"


def test_the_admin_is_called_two_names(model: Any) -> None:
    user = UserFactory(is_staff=True)
    assert user.is_admin is True
    user.is_admin = False
    user.save()
    assert model.objects.filter(is_staff=False).get() == user
    assert "is_admin" in [
        column.name
        for column in connection.introspection.get_table_description(connection.cursor(), model._meta.db_table)
    ]


def test_a_user_can_be_made_without_a_password(model: Any) -> None:
    user = model.objects.create_user("ada@example.com", first_name="Ada")
    assert not user.has_usable_password()
    assert (user.is_staff, user.is_superuser, user.is_active, user.email_verified) == (False, False, True, False)
    assert authenticate(username="ada@example.com", password="") is None


@pytest.mark.parametrize("email", ["", " ", None])
def test_a_user_needs_an_address(model: Any, email: Any) -> None:
    with pytest.raises(ValueError, match="address"):
        model.objects.create_user(email)


def test_a_superuser_has_all_rights(model: Any) -> None:
    user = model.objects.create_superuser("ada@example.com", PASSWORD)
    assert (user.is_staff, user.is_superuser, user.is_admin) == (True, True, True)
    for wrong in ({"is_staff": False}, {"is_superuser": False}):
        with pytest.raises(ValueError, match="superuser"):
            model.objects.create_superuser("grace@example.com", PASSWORD, **wrong)


def test_createsuperuser_works(model: Any) -> None:
    call_command("createsuperuser", email="Ada@Example.com", interactive=False, verbosity=0)
    assert model.objects.get().email == "ada@example.com"


def test_has_the_names_that_django_shows(model: Any) -> None:
    user = model(email="ada@example.com", first_name="Ada", last_name="Lovelace")
    assert (str(user), user.get_full_name(), user.get_short_name()) == ("ada@example.com", "Ada Lovelace", "Ada")
    assert model(email="ada@example.com").get_short_name() == "ada@example.com"
