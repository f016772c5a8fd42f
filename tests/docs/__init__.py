"""The documentation, run as its reader would run it."""

import pytest

pytestmark = pytest.mark.projects("full")
