from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.hostile.sending import World


@pytest.fixture
def world(db: None, settings: Any) -> World:
    from tests.hostile.sending import World  # not in projects without the apps

    settings.SHOPCORE_RATE_LIMITS = False
    return World()
