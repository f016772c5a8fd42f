"""The example project, run as its operator runs it: in processes of its own, configured by variables."""

import pytest

pytestmark = pytest.mark.projects("full")
