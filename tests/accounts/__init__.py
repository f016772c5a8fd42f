import pytest

pytestmark = pytest.mark.projects("full", "accounts_only", "host_user")
