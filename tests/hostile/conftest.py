from __future__ import annotations

from typing import Any

import pytest

from tests.hostile.sending import World


@pytest.fixture
def world(db: None, settings: Any) -> World:
    settings.SHOPCORE_RATE_LIMITS = False
    return World()
