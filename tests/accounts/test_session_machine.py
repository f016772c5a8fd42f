"""Sessions in any order of events: a refresh token has one live descendant at most, and the dead stay dead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from rest_framework.test import APIClient

from django_shopcore.accounts import signin
from django_shopcore.accounts.models import Session
from django_shopcore.accounts.querysets import SessionQuerySet
from tests.accounts.clients import bearer
from tests.factories.accounts import PASSWORD, AdminFactory, UserFactory
from tests.machines import EXAMPLES, finds_a_fault, run

pytestmark = [pytest.mark.projects("full", "accounts_only", "host_user", "uuid_user"), pytest.mark.django_db]

API = "/api/v1/auth/"
STEPS = 12
CHOICE = st.integers(0, 1000)
# What ends sessions comes less often, so that there are some to end.
EVENTS = (
    *["sign_in", "refresh", "replay"] * 3,
    *["change_password", "unlock"] * 2,
    *["log_out", "log_out_everywhere", "end_another", "lock"],
)


@dataclass
class Device:
    """What one device has got, and whether it is still signed in."""

    access: list[str] = field(default_factory=list)
    refresh: list[str] = field(default_factory=list)
    alive: bool = True

    def take(self, tokens: dict[str, str]) -> None:
        self.access.append(tokens["access"])
        self.refresh.append(tokens["refresh"])


class Sessions(RuleBasedStateMachine):
    """One user with several devices, and an admin who may lock the account."""

    options: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.user, self.admin = UserFactory(), bearer(self._login(AdminFactory(), PASSWORD).json()["access"])
        self.password, self.changes, self.active = PASSWORD, 0, True
        self.devices: list[Device] = []

    def _login(self, user: Any, password: str) -> Any:
        return APIClient().post(API + "login/", {"email": user.email, "password": password})

    def _post(self, device: Device, choice: int, path: str, body: Any = None) -> Any:
        """A request with any of the access tokens that the device has ever got."""
        return bearer(device.access[choice % len(device.access)]).post(API + path, body)

    def _device(self, choice: int, *, spent: int = 0) -> Device:
        """Any of those that have spent so many tokens; two times of three one that is signed in, if there is one."""
        devices = [device for device in self.devices if len(device.refresh) > spent]
        alive = [device for device in devices if device.alive]
        devices = alive if alive and choice % 3 else devices
        return devices[choice // 3 % len(devices)]

    def _end(self, *but: Device) -> None:
        for device in self.devices:
            device.alive = device.alive and any(device is each for each in but)

    @initialize(leeway=st.sampled_from([0, 60]))
    def begin(self, leeway: int) -> None:
        self.leeway = leeway
        self.options.SHOPCORE_ACCOUNTS_REFRESH_REUSE_LEEWAY = leeway
        self.sign_in()

    # One rule and not one for each event: Hypothesis leaves some rules out of each run, and few runs would have both
    # what spends tokens and what replays them.
    @rule(event=st.sampled_from(EVENTS), choice=CHOICE, other=CHOICE)
    def something_happens(self, event: str, choice: int, other: int) -> None:
        getattr(self, event)(choice, other)

    def sign_in(self, choice: int = 0, other: int = 0) -> None:
        response = self._login(self.user, self.password)
        assert response.status_code == (200 if self.active else 401)
        if self.active:
            self.devices.append(Device())
            self.devices[-1].take(response.json())

    def refresh(self, choice: int, other: int) -> None:
        device = self._device(choice)
        for _ in range(1 + other % 3):
            response = APIClient().post(API + "refresh/", {"refresh": device.refresh[-1]})
            assert response.status_code == (200 if device.alive else 401)
            if device.alive:
                device.take(response.json())

    def replay(self, choice: int, other: int) -> None:
        if all(len(device.refresh) == 1 for device in self.devices):
            self.refresh(choice, other)  # nothing was spent yet
            return
        device = self._device(choice, spent=1)
        spent = device.refresh[other % (len(device.refresh) - 1)]
        assert APIClient().post(API + "refresh/", {"refresh": spent}).status_code == 401
        device.alive = device.alive and self.leeway > 0

    def log_out(self, choice: int, other: int) -> None:
        device = self._device(choice)
        assert self._post(device, other, "logout/").status_code == (204 if device.alive else 401)
        device.alive = False

    def log_out_everywhere(self, choice: int, other: int) -> None:
        device = self._device(choice)
        assert self._post(device, other, "logout-all/").status_code == (204 if device.alive else 401)
        if device.alive:
            self._end()

    def end_another(self, choice: int, other: int) -> None:
        device, target = self._device(choice), self._device(other)
        pk = signin.AccessToken(target.access[-1]).session_id
        response = bearer(device.access[-1]).delete(f"{API}sessions/{pk}/")
        assert response.status_code == ((204 if target.alive else 404) if device.alive else 401)
        if device.alive:
            target.alive = False

    def change_password(self, choice: int, other: int) -> None:
        device, new, right = self._device(choice), f"one more long secret {self.changes}", bool(other % 2)
        body = {"current_password": self.password if right else "wrong", "new_password": new}
        response = self._post(device, choice, "password/change/", body)
        assert response.status_code == ((204 if right else 400) if device.alive else 401)
        if device.alive and right:
            self.password, self.changes = new, self.changes + 1
            self._end(device)

    def lock(self, choice: int, other: int) -> None:
        self._set_active(False)

    def unlock(self, choice: int, other: int) -> None:
        self._set_active(True)

    def _set_active(self, active: bool) -> None:
        response = self.admin.patch(f"/api/v1/users/{self.user.pk}/", {"is_active": active})
        assert response.status_code == 200
        self.active = active
        if not active:
            self._end()

    @invariant()
    def access_tokens_work_as_long_as_their_session_lives(self) -> None:
        for device in self.devices:
            for access in {device.access[0], device.access[-1]}:
                status = bearer(access).get(API + "me/").status_code
                assert status == (200 if device.alive else 401)

    def teardown(self) -> None:
        """Of all tokens that a device has ever got, one is good for new ones, and none once it is signed out."""
        for device in self.devices:
            answers = [
                APIClient().post(API + "refresh/", {"refresh": refresh}).status_code
                for refresh in reversed(device.refresh)
            ]
            assert answers == [200 if device.alive else 401] + [401] * (len(answers) - 1)


@pytest.fixture
def machine(settings: Any) -> type[Sessions]:
    settings.SHOPCORE_RATE_LIMITS = False
    return type("Machine", (Sessions,), {"options": settings})


def test_sessions_in_any_order_of_events(machine: type[Sessions]) -> None:
    run(machine, steps=STEPS, examples=2 * EXAMPLES)


def nobody_ends(self: Any) -> int:
    return 0


GUARDS: dict[str, tuple[Any, str, Any]] = {
    "spent tokens end their session": (signin, "_refuse_spent", lambda pk, presented: None),
    "tokens are compared with the present one": (
        signin,
        "token_hash",
        lambda raw: str(signin.RefreshToken(raw).session_id),
    ),
    "sessions end": (SessionQuerySet, "end", nobody_ends),
    "dead sessions are refused": (Session, "is_live", lambda self, now=None: True),
}


@pytest.mark.projects("full")
@pytest.mark.parametrize("guard", GUARDS)
def test_the_control_without_a_guard_a_fault_is_found(
    machine: type[Sessions], guard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*GUARDS[guard])
    assert finds_a_fault(machine, steps=STEPS)
