from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from tests.accounts.clients import bearer, tokens_of
from tests.fixtures import anonymous  # noqa: F401
from tests.mfa.clock import Clock
from tests.mfa.people import Member
from tests.users import make_user


@pytest.fixture(autouse=True)
def _counted_anew() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of authenticator apps, which a test moves on."""
    return Clock(monkeypatch)


@pytest.fixture
def member(db: None, clock: Clock) -> Member:
    """A customer with an authenticator app and recovery codes, signed in."""
    return Member.enrolled(make_user(), clock)


@pytest.fixture
def client(db: None) -> Any:
    """Somebody signed in, without a second factor."""
    user = make_user()
    found = bearer(tokens_of(user).access)
    found.user = user  # type: ignore[attr-defined]
    return found
