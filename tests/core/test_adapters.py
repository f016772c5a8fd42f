"""Classes of a site's own that a setting names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage

from django_shopcore.core import access, adapters, checks
from django_shopcore.core.adapters import AdminAdapter, ColumnAdmins, LinkAdapter, SiteLinks, adapter, admin_adapter
from django_shopcore.core.conf import AdapterKind, CoreSettings, SettingsGroup

pytestmark = pytest.mark.projects("full", "catalog_only", "host_user", "email_user", "uuid_user")

HERE = "tests.core.test_adapters"


class Counted(ColumnAdmins):
    made = 0

    def __init__(self) -> None:
        Counted.made += 1


class OnlyLinks(SiteLinks):
    pass


class WithoutColumn:
    def is_admin(self, user: Any) -> bool:
        return False

    admins = None


class Unfinished(AdminAdapter):
    def is_admin(self, user: Any) -> bool:
        return True


class WantsArguments(ColumnAdmins):
    def __init__(self, name: str) -> None:
        pass


def no_class() -> ColumnAdmins:
    return ColumnAdmins()


def faults() -> list[CheckMessage]:
    return checks.check_adapters(None)


def test_an_adapter_is_made_at_its_first_use_and_once(settings: Any) -> None:
    Counted.made = 0
    settings.SHOPCORE_ADMIN_ADAPTER = f"{HERE}.Counted"
    assert Counted.made == 0
    assert isinstance(admin_adapter(), Counted)
    assert admin_adapter() is adapter(CoreSettings.ADMIN_ADAPTER)
    assert Counted.made == 1
    settings.SHOPCORE_ADMIN_ADAPTER = CoreSettings.ADMIN_ADAPTER.default
    assert type(admin_adapter()) is ColumnAdmins


def test_the_settings_ask_for_all_methods_of_the_protocols_and_the_defaults_have_them() -> None:
    protocols = {"SHOPCORE_ADMIN_ADAPTER": AdminAdapter, "SHOPCORE_LINK_ADAPTER": LinkAdapter}
    for name, protocol in protocols.items():
        kind = SettingsGroup.registry[name].kind
        assert isinstance(kind, AdapterKind)
        assert set(kind.methods) == {method for method in vars(protocol) if not method.startswith("_")}
    assert faults() == []


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("no_class", "is no class"),
        ("WantsArguments", "cannot be made: "),
        ("Unfinished", "cannot be made: "),
        ("WithoutColumn", "has no admins, column"),
        ("OnlyLinks", "has no is_admin, admins, column"),
    ],
)
def test_a_class_that_will_not_do_is_reported(settings: Any, path: str, fault: str) -> None:
    settings.SHOPCORE_ADMIN_ADAPTER = f"{HERE}.{path}"
    [message] = faults()
    assert message.id == "shopcore.E007"
    assert message.msg.startswith(f"SHOPCORE_ADMIN_ADAPTER: {HERE}.{path} {fault}")
    assert "`is_admin`, `admins`, `column`" in str(message.hint)


@pytest.mark.parametrize(
    ("path", "id"), [("nowhere.Adapter", "E002"), (f"{HERE}.Missing", "E002"), ("Adapter", "E001"), (None, "E001")]
)
def test_so_is_a_path_that_leads_nowhere(settings: Any, path: Any, id: str) -> None:
    settings.SHOPCORE_LINK_ADAPTER = path
    assert [message.id for message in checks.check_settings(None)] == [f"shopcore.{id}"]
    assert faults() == []


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"is_staff": True}, True),
        ({"is_admin": False, "is_staff": True}, False),
        ({}, False),
        ({"is_admin": lambda: False}, False),
    ],
)
def test_the_default_goes_by_a_value_and_never_by_a_method(columns: dict[str, Any], expected: bool) -> None:
    assert ColumnAdmins().is_admin(SimpleNamespace(**columns)) is expected


def test_an_inactive_account_has_no_rights_whatever_the_adapter_says(settings: Any) -> None:
    settings.SHOPCORE_ADMIN_ADAPTER = f"{HERE}.Everybody"
    user = SimpleNamespace(is_authenticated=True, is_active=True)
    assert access.is_admin(user)
    user.is_active = False
    assert not access.is_admin(user)
    assert not access.is_admin(None)


class Everybody(ColumnAdmins):
    def is_admin(self, user: Any) -> bool:
        return True


@pytest.mark.django_db
def test_without_a_column_the_default_knows_no_admin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapters, "ADMIN", ("is_boss",))
    monkeypatch.setattr(checks, "ADMIN", ("is_boss",))
    assert not get_user_model().objects.filter(ColumnAdmins().admins()).exists()
    assert ColumnAdmins().column() is None


def ids(monkeypatch: pytest.MonkeyPatch, model: Any) -> list[str]:
    monkeypatch.setattr(checks, "user_model", lambda: model)
    messages = checks.check_admins(None)
    assert all(message.hint for message in messages)
    return [str(message.id) for message in messages]


def test_a_user_model_without_admins_is_reported(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "column", lambda *names: None)
    settings.SHOPCORE_ADMIN_ADAPTER = CoreSettings.ADMIN_ADAPTER.default
    assert "shopcore.W008" in ids(monkeypatch, get_user_model())
    settings.SHOPCORE_ADMIN_ADAPTER = "tests.projects.members.adapters.OwnersAreAdmins"
    assert "shopcore.W008" not in ids(monkeypatch, get_user_model())


def test_an_admin_site_that_asks_for_is_staff_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.admin import AdminSite, site

    assert ids(monkeypatch, get_user_model()) == []
    monkeypatch.setattr(site.__class__, "has_permission", AdminSite.has_permission)
    assert ids(monkeypatch, type("Customer", (), {"is_staff": False})) == []
    assert ids(monkeypatch, type("Customer", (), {})) == ["shopcore.W009"]
