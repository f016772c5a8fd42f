"""Factories make rows of whatever models the site has."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured

from django_shopcore import testing
from django_shopcore.core.access import is_admin
from django_shopcore.core.users import email_of
from django_shopcore.testing import PASSWORD, AdminFactory, UserFactory, make_user

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.projects(
        "full",
        "swapped",
        "swapped_both",
        "host_user",
        "email_user",
        "catalog_only",
        "catalog_accounts",
        "accounts_only",
    ),
]

WITHOUT_FACTORY_BOY = """
import sys
sys.modules["factory"] = None
import django
django.setup()
from django_shopcore import testing
testing.ShopcoreClient, testing.QueryBudgetMixin, testing.make_user
try:
    testing.UserFactory
except ImportError as error:
    print(error)
"""


def in_a_process(code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_users_are_of_the_sites_model_and_know_the_password() -> None:
    customer, admin = UserFactory(), AdminFactory()
    assert type(customer) is type(admin) is get_user_model()
    assert (is_admin(customer), is_admin(admin)) == (False, True)
    assert customer.check_password(PASSWORD)
    assert UserFactory(password="another one").check_password("another one")
    assert "@" in email_of(customer) != email_of(admin)
    assert get_user_model()._default_manager.count() == 3


def test_a_user_can_be_made_without_factory_boy_and_without_a_password() -> None:
    user = make_user(email="grace@example.com", password=None, is_active=False)
    user.refresh_from_db()
    assert (email_of(user), user.is_active, user.has_usable_password()) == ("grace@example.com", False, False)


def test_a_built_user_is_not_saved() -> None:
    assert UserFactory.build(email="ada@example.com").get_username() == "ada@example.com"
    assert is_admin(AdminFactory.build())
    assert not get_user_model()._default_manager.exists()


def test_an_admin_of_a_model_without_the_role_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_shopcore.testing.users.ADMIN", ("is_boss",))
    assert make_user().pk
    with pytest.raises(ImproperlyConfigured, match=r"give it to as_user\(\)"):
        make_user(admin=True)


@pytest.mark.projects("host_user", "catalog_only")
def test_a_user_without_an_address_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_user_model(), "EMAIL_FIELD", "mail")
    user: Any = make_user(email="ada@example.com")
    assert (user.username, user.email) == ("ada@example.com", "")


@pytest.mark.projects("full", "swapped", "swapped_both", "host_user", "email_user", "catalog_only", "catalog_accounts")
def test_products_and_categories_are_of_the_sites_models() -> None:
    from django_shopcore.catalog import get_category_model, get_product_model

    product = testing.ProductFactory(price="12.50")
    product.refresh_from_db()
    assert type(product) is get_product_model()
    assert type(product.category) is get_category_model()
    assert (str(product.price), product.is_published) == ("12.50", True)
    child = testing.CategoryFactory(parent=product.category)
    assert child.parent == product.category
    assert len(testing.ProductFactory.create_batch(3)) == get_product_model().objects.count() - 1


@pytest.mark.projects("accounts_only")
def test_factories_of_a_feature_that_is_not_installed_say_so() -> None:
    assert not apps.is_installed("django_shopcore.catalog")
    with pytest.raises(ImproperlyConfigured, match=r"need django_shopcore\.catalog in INSTALLED_APPS"):
        _ = testing.ProductFactory


@pytest.mark.projects("full")
def test_without_factory_boy_only_the_factories_are_missing_and_say_what_to_install() -> None:
    assert in_a_process(WITHOUT_FACTORY_BOY) == 'Factories need factory-boy: pip install "django-shopcore[testing]"'


@pytest.mark.projects("full")
def test_importing_it_wants_no_site_and_the_library_never_imports_it() -> None:
    assert in_a_process("import django_shopcore.testing, sys; print('factory' in sys.modules)") == "False"
    code = "import sys, django; django.setup(); import django_shopcore.urls as urls\nprint([m for m in sys.modules if 'shopcore.testing' in m])"
    assert in_a_process(code) == "[]"


@pytest.mark.projects("full")
def test_every_public_name_is_there_and_no_other() -> None:
    found: list[Any] = [getattr(testing, name) for name in testing.__all__]
    assert all(found)
    with pytest.raises(AttributeError, match="no attribute 'OrderFactory'"):
        _ = testing.OrderFactory  # type: ignore[attr-defined]
