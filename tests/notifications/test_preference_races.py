"""Changes of preferences at once, with real threads: all of them hold.

The controls take a guard away and see the race lost. They run on PostgreSQL, whose transactions really overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from rest_framework.test import APIClient

from django_shopcore.notifications import services
from django_shopcore.notifications.models import OptOut, Preferences
from django_shopcore.notifications.unsubscribing import make_token
from tests.fixtures import client_of
from tests.parallel import at_once, only_postgresql

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full", "host_user")]

URL = "/api/v1/notifications/preferences/"
UNSUBSCRIBE = "/api/v1/notifications/unsubscribe/"
MANY = 8


@pytest.fixture
def names(declare: Callable[..., Any]) -> list[str]:
    return [declare(f"news{number}").name for number in range(MANY)]


def switch_off(user: Any, name: str) -> Any:
    return client_of(user).patch(URL, {"kinds": {name: {"email": False}}}, format="json")


def click(user: Any, name: str, address: str = "") -> Any:
    return APIClient().post(f"{UNSUBSCRIBE}?token={make_token(name, user, address)}")


def all_at_once(user: Any, names: list[str]) -> list[str]:
    """Switches the kinds off, half of them by link, each in a request of its own; the names of those that are."""
    ways = (switch_off, click)
    answers = at_once([partial(ways[place % 2], user, name) for place, name in enumerate(names)])
    assert [answer.status_code for answer in answers] == [200] * len(names)
    kinds = client_of(user).get(URL).json()["kinds"]
    return [name for name in names if not kinds[name]["email"]]


@pytest.mark.parametrize("is_first", [True, False])
def test_changes_at_once_all_hold(user: Any, names: list[str], is_first: bool) -> None:
    if not is_first:
        Preferences.objects.create(user=user)
    assert all_at_once(user, names) == names


@only_postgresql
def test_control_without_the_lock_one_change_is_lost(
    user: Any, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Preferences.objects.create(user=user)
    barrier, read = Barrier(2), services._row_of

    def read_together(user: Any) -> Preferences:
        row = read(user)
        barrier.wait(10)
        return row

    monkeypatch.setattr(services, "_row_of", read_together)
    monkeypatch.setattr(services, "lock_rows", list)

    assert len(all_at_once(user, names[:2])) == 1


def test_an_address_opts_out_once_however_often_it_is_asked(names: list[str]) -> None:
    answers = at_once([partial(click, None, names[0], "team@example.com")] * MANY)
    assert [answer.status_code for answer in answers] == [200] * MANY
    assert OptOut.objects.count() == 1
