import pytest

pytestmark = pytest.mark.projects("full", "uuid_user")
