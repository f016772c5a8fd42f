"""What the site's own log says of passwords, tokens and links: nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.example.site import DEBUG, PRODUCTION, Site, Variables

pytestmark = pytest.mark.projects("full")

DRIVE = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})"
    """
import django; django.setup()
from django.conf import settings
from django.core.management import call_command
from django_shopcore.accounts import signin
from django_shopcore.notifications.worker import drain
from tests.accounts.secret_flows import Flows, drive
import json, sys

flows = Flows("localhost")
drive(flows, drain)

# And a fault in the middle of a sign-in.
def fail(*args, **kwargs):
    raise RuntimeError("Provoked.")

signin.check_credentials = fail
assert flows.post("login/", {"email": "ada@example.com", "password": flows.secret()}).status_code == 500
print("\\n" + json.dumps(sorted(flows.secrets)))
"""
)


@pytest.mark.parametrize("variables", [PRODUCTION, DEBUG], ids=["production", "debug"])
def test_no_flow_leaves_a_secret_in_the_log(fresh_site: Site, variables: Variables) -> None:
    mails = fresh_site.folder / "mails"
    mails.mkdir()
    variables = {**variables, "EMAIL_URL": f"file://{mails}", "RATE_LIMITS": "off"}
    done = fresh_site.manage("migrate", "--verbosity", "0", variables=variables)
    assert done.returncode == 0, done.stderr

    done = fresh_site.python(DRIVE, variables)

    assert done.returncode == 0, done.stderr
    secrets = json.loads(done.stdout.splitlines()[-1])
    assert len(secrets) > 40
    log = done.stderr + "\n".join(done.stdout.splitlines()[:-1])
    assert log.count("/api/v1/auth/login/") > 5
    assert "RuntimeError: Provoked." in log
    assert [line for line in log.splitlines() if any(secret in line for secret in secrets)] == []
    assert any("token=" in mail.read_text() for mail in mails.iterdir())
