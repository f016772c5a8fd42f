from __future__ import annotations

from typing import Any

import pytest

from tests.factories.accounts import AdminFactory, UserFactory
from tests.fixtures import anonymous

__all__ = ["anonymous"]


@pytest.fixture
def user(db: None) -> Any:
    return UserFactory()


@pytest.fixture
def admin(db: None) -> Any:
    return AdminFactory()


@pytest.fixture
def ours() -> bool:
    """Whether the project's user model is ours."""
    from django.conf import settings

    return bool(settings.AUTH_USER_MODEL == "shopcore_accounts.User")
