from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache

from tests.fixtures import anonymous  # noqa: F401
from tests.users import make_user

if TYPE_CHECKING:
    from tests.mfa.clock import Clock
    from tests.mfa.people import Member


@pytest.fixture(autouse=True)
def _counted_anew() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of authenticator apps, which a test moves on."""
    from tests.mfa.clock import Clock  # what these import is not in every project

    return Clock(monkeypatch)


@pytest.fixture
def member(db: None, clock: Clock) -> Member:
    """A customer with an authenticator app and recovery codes, signed in."""
    from tests.mfa.people import Member

    return Member.enrolled(make_user(), clock)


@pytest.fixture
def client(db: None) -> Any:
    """Somebody signed in, without a second factor."""
    from tests.accounts.clients import bearer, tokens_of

    user = make_user()
    found = bearer(tokens_of(user).access)
    found.user = user  # type: ignore[attr-defined]
    return found
