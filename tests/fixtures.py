"""Fixtures of several packages of tests; their ``conftest.py`` imports what they want."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.users import make_user


def client_of(user: Any) -> APIClient:
    """A client whose requests are those of ``user``, however the project signs people in."""
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def anonymous() -> APIClient:
    return APIClient()


@pytest.fixture
def customer_client(db: None) -> APIClient:
    return client_of(make_user())


@pytest.fixture
def admin_client(db: None) -> APIClient:
    return client_of(make_user(admin=True))
