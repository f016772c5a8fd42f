"""Django's admin site: a password alone does not open it for who has a second factor."""

from __future__ import annotations

import time
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client

from django_shopcore.accounts.models import Session
from django_shopcore.mfa import signals
from django_shopcore.mfa.models import RecoveryCode, TotpDevice
from tests.mfa.clock import Clock
from tests.mfa.people import MFA, Member, second_step
from tests.problems import problem_of
from tests.users import PASSWORD, make_user

pytestmark = [pytest.mark.projects("full"), pytest.mark.django_db]


@pytest.fixture
def admin(db: None) -> Any:
    user = make_user(admin=True)
    user.is_superuser = True
    user.save()
    return user


@pytest.fixture
def owner(admin: Any, clock: Clock) -> Member:
    return Member.enrolled(admin, clock)


def log_in(browser: Client, user: Any, code: str = "", password: str = PASSWORD) -> Any:
    values = {"username": user.email, "password": password, "second_factor": code, "next": "/admin/"}
    return browser.post("/admin/login/", values)


def is_in(browser: Client) -> bool:
    return bool(browser.get("/admin/").status_code == 200)


def test_without_a_second_factor_the_password_is_enough(admin: Any) -> None:
    browser = Client()
    assert log_in(browser, admin).status_code == 302
    assert is_in(browser)


def test_the_page_has_a_field_for_it() -> None:
    page = Client().get("/admin/login/").content.decode()
    assert 'name="second_factor"' in page
    assert 'autocomplete="one-time-code"' in page


def test_with_one_the_password_is_not(owner: Member) -> None:
    browser = Client()
    for code in ("", "000000", "aaaa-bbbb-cccc-dddd"):
        assert log_in(browser, owner.user, code).status_code == 200
        assert not is_in(browser)
        assert "_auth_user_id" not in browser.session


def test_a_wrong_password_says_nothing_of_the_second_factor(owner: Member) -> None:
    page = log_in(Client(), owner.user, owner.code(), password="wrong").content.decode()
    assert "second factor is wrong" not in page
    assert log_in(Client(), owner.user, owner.clock.code(owner.secret)).status_code == 302  # nor was the code spent


def test_a_code_opens_it_once(owner: Member) -> None:
    browser, code = Client(), owner.code()
    assert log_in(browser, owner.user, code).status_code == 302
    assert is_in(browser)
    again = Client()
    log_in(again, owner.user, code)
    assert not is_in(again)
    assert problem_of(second_step(owner.challenge(), code=code)) == (401, "invalid_second_factor")


def test_so_does_a_recovery_code(owner: Member) -> None:
    browser = Client()
    assert log_in(browser, owner.user, owner.recovery_codes[0]).status_code == 302
    assert is_in(browser)
    assert RecoveryCode.objects.unused().count() == 9


def test_a_session_from_before_the_second_factor_is_out(admin: Any, clock: Clock) -> None:
    browser = Client()
    log_in(browser, admin)
    Member.enrolled(admin, clock)
    assert not is_in(browser)
    page = browser.get("/admin/login/?next=/admin/").content.decode()
    assert "which is not enough here" in page


def test_a_session_opened_by_other_code_of_the_site_is_out(owner: Member) -> None:
    browser = Client()
    browser.force_login(owner.user)
    assert not is_in(browser)


def test_a_session_outlives_another_code_and_not_a_reset(owner: Member) -> None:
    browser = Client()
    log_in(browser, owner.user, owner.code())
    owner.client.post(f"{MFA}recovery-codes/", owner.proofs())
    assert is_in(browser)
    call_command("shopcore_mfa_reset", email=owner.user.email, stdout=StringIO())
    Member.enrolled(owner.user, owner.clock)
    assert not is_in(browser)


def test_the_mark_of_one_is_not_that_of_another(owner: Member) -> None:
    for user, entry in ((str(make_user().pk), False), (str(owner.user.pk), True)):
        browser = Client()
        browser.force_login(owner.user)
        session = browser.session
        session["shopcore_mfa"] = {"user": user, "at": time.time()}
        session.save()
        assert is_in(browser) is entry


def test_where_it_is_required_nobody_gets_in_without(admin: Any, settings: Any, clock: Clock) -> None:
    browser = Client()
    log_in(browser, admin)
    settings.SHOPCORE_MFA_REQUIRED_FOR_ADMINS = True
    assert not is_in(browser)
    page = log_in(Client(), admin).content.decode()
    assert "Admins need a second factor here" in page
    member = Member.enrolled(admin, clock)
    log_in(browser, admin, member.code())
    assert is_in(browser)


def test_codes_are_counted_with_those_of_the_api(owner: Member, settings: Any) -> None:
    settings.SHOPCORE_MFA_CODE_RATE = "2/h"
    heard: list[str] = []
    signals.second_factor_failed.connect(lambda method, **kwargs: heard.append(method), weak=False)
    for _ in range(2):
        log_in(Client(), owner.user, "000000")
    page = log_in(Client(), owner.user, owner.code()).content.decode()
    assert "Too many attempts" in page
    assert heard == ["totp", "totp"]
    assert problem_of(second_step(owner.challenge(), code=owner.code())) == (429, "rate_limited")


def test_control_without_the_mixin_the_session_is_enough(owner: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    from django_shopcore.mfa.admin_site import MfaAdminSiteMixin

    monkeypatch.setattr(MfaAdminSiteMixin, "has_second_factor", lambda self, request: True)
    browser = Client()
    browser.force_login(owner.user)
    assert is_in(browser)


def manager(clock: Clock) -> Client:
    user = make_user(admin=True)
    user.is_superuser = True
    user.save()
    browser = Client()
    log_in(browser, user)
    return browser


def test_the_pages_show_who_has_what_and_no_secret(owner: Member, clock: Clock) -> None:
    browser = manager(clock)
    device = TotpDevice.objects.get()
    for url in ("", f"{device.pk}/change/"):
        response = browser.get(f"/admin/shopcore_mfa/totpdevice/{url}")
        assert response.status_code == 200
        page = response.content.decode()
        assert owner.user.email in page
        assert device.secret not in page
        assert owner.secret not in page
    assert browser.get("/admin/shopcore_mfa/passkey/").status_code == 200
    for url in ("add/", f"{device.pk}/delete/"):
        assert browser.get(f"/admin/shopcore_mfa/totpdevice/{url}").status_code == 403
    assert browser.post(f"/admin/shopcore_mfa/totpdevice/{device.pk}/change/", {}).status_code == 403


def test_the_action_resets_a_second_factor(owner: Member, clock: Clock) -> None:
    heard: list[Any] = []
    signals.factors_reset.connect(lambda user, **kwargs: heard.append(user), weak=False)
    values = {"action": "reset_second_factor", "_selected_action": [str(TotpDevice.objects.get().pk)]}
    browser = manager(clock)
    assert browser.post("/admin/shopcore_mfa/totpdevice/", values).status_code == 302
    assert not TotpDevice.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert not Session.objects.open().filter(user=owner.user).exists()
    assert heard == [owner.user]


def test_the_action_is_for_who_may_change_the_rows(owner: Member) -> None:
    viewer = make_user(admin=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_totpdevice"))
    browser = Client()
    log_in(browser, viewer)
    assert "reset_second_factor" not in browser.get("/admin/shopcore_mfa/totpdevice/").content.decode()
    values = {"action": "reset_second_factor", "_selected_action": [str(TotpDevice.objects.get().pk)]}
    browser.post("/admin/shopcore_mfa/totpdevice/", values)
    assert TotpDevice.objects.exists()


def test_a_user_with_a_second_factor_can_be_deleted(clock: Clock) -> None:
    member = Member.enrolled(make_user(), clock)
    browser = manager(clock)
    url = f"/admin/shopcore_accounts/user/{member.user.pk}/delete/"
    assert browser.post(url, {"post": "yes"}).status_code == 302
    assert not TotpDevice.objects.exists()


def test_the_command_resets_by_address(owner: Member) -> None:
    out = StringIO()
    call_command("shopcore_mfa_reset", email=owner.user.email.upper(), stdout=out)
    assert "password alone" in out.getvalue()
    assert not TotpDevice.objects.exists()
    out = StringIO()
    call_command("shopcore_mfa_reset", email=owner.user.email, stdout=out)
    assert "has no second factor" in out.getvalue()
    with pytest.raises(CommandError, match="No users"):
        call_command("shopcore_mfa_reset", email="nobody@example.com")


def test_the_command_encrypts_anew(owner: Member, settings: Any) -> None:
    stored = TotpDevice.objects.get().secret
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret of the tests, long enough for anybody"
    for expected in ("1 encrypted", "0 encrypted"):
        out = StringIO()
        call_command("shopcore_mfa_reencrypt", stdout=out)
        assert expected in out.getvalue()
    assert TotpDevice.objects.get().secret != stored
    settings.SECRET_KEY_FALLBACKS = []
    assert second_step(owner.challenge(), code=owner.code()).status_code == 200
    settings.SECRET_KEY = "a third secret of the tests, long enough for anybody"
    with pytest.raises(CommandError, match="1 cannot be decrypted"):
        call_command("shopcore_mfa_reencrypt", stdout=StringIO())
