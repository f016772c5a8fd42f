"""No line of a log, and no report of an error, holds a password or a token."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils.log import AdminEmailHandler
from django.views.debug import ExceptionReporter

from django_shopcore.accounts import (
    confirmations,
    mail_requests,
    mail_serializers,
    serializers,
    services,
    signin,
    views,
)
from django_shopcore.accounts.tokens import RefreshToken
from django_shopcore.notifications.worker import drain
from tests.accounts.clients import tokens_of
from tests.accounts.secret_flows import Flows, drive, found_in
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = [pytest.mark.projects("full", "host_user"), pytest.mark.django_db]


TOKEN = re.compile(r"(?<=token=)\S+")


class Everything(logging.Handler):
    """Keeps each line, and what a report by mail would say with all variables of a traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
        self.names: set[str] = set()
        self.lines: list[str] = []
        self.reports: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.names.add(record.name)
        self.lines += self.format(record).splitlines()
        request = getattr(record, "request", None)
        if request is not None and record.levelno >= logging.ERROR:
            exc_info = record.exc_info or (None, record.getMessage(), None)
            reporter = ExceptionReporter(request, *exc_info, is_email=True)
            self.reports += [*reporter.get_traceback_html().splitlines(), *reporter.get_traceback_text().splitlines()]

    def text(self) -> str:
        return "\n".join([*self.lines, *self.reports])


@pytest.fixture
def log(settings: Any) -> Iterator[Everything]:
    """All that anybody logs, at the lowest level, as a site has it that looks for a fault; SQL included."""
    settings.SHOPCORE_RATE_LIMITS = False
    handler, root = Everything(), logging.getLogger()
    loggers = [logging.getLogger(name) for name in root.manager.loggerDict]
    before = [(logger, logger.level, logger.propagate, logger.disabled) for logger in (root, *loggers)]
    for logger in (root, *loggers):
        logger.setLevel(logging.DEBUG)
        logger.propagate, logger.disabled = True, False
    root.addHandler(handler)
    connection.force_debug_cursor = True
    yield handler
    connection.force_debug_cursor = False
    root.removeHandler(handler)
    for logger, level, propagate, disabled in before:
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled


def test_no_flow_leaves_a_secret_in_the_log(log: Everything, mailoutbox: Any) -> None:
    flows = Flows()
    drive(flows, drain)
    tokens = {token for message in mailoutbox for token in TOKEN.findall(message.body)}
    assert len(tokens) > 2
    flows.secrets |= tokens
    assert len(flows.secrets) > 40
    assert found_in(log.text(), flows) == []
    assert {"django.request", "django.db.backends"} <= log.names
    assert any("UPDATE" in line and "password" in line for line in log.lines)


def test_control_a_password_in_a_line_is_found(log: Everything) -> None:
    flows = Flows()
    logging.getLogger("somebody").debug("The password is %s.", flows.secret())
    assert len(found_in(log.text(), flows)) == 1


def fail(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("Provoked.")


# Where a request to a path breaks: before, while and after its body has been understood.
BREAKS = [
    ("register/", views, "validated"),
    ("register/", serializers, "check_new_password"),
    ("register/", services, "atomic_write"),
    ("login/", views, "validated"),
    ("login/", signin, "_meant_by"),
    ("login/", signin, "atomic_write"),
    ("refresh/", RefreshToken, "verify"),
    ("refresh/", signin, "token_hash"),
    ("refresh/", signin, "_rotate"),
    ("password/change/", services, "check_password"),
    ("password/change/", services, "atomic_write"),
    ("password/reset/confirm/", confirmations, "_user_of"),
    ("password/reset/confirm/", mail_serializers, "check_new_password"),
    ("password/reset/confirm/", confirmations, "atomic_write"),
    ("email/verify/", confirmations, "_user_of"),
    ("email/change/", mail_requests, "check_password"),
    ("email/change/", mail_requests, "atomic_write"),
    ("email/change/confirm/", confirmations, "_user_of"),
    ("me/delete/", services, "atomic_write"),
]


@pytest.mark.parametrize(("path", "owner", "name"), BREAKS, ids=[f"{path}-{name}" for path, _, name in BREAKS])
def test_a_report_of_an_error_holds_none(
    log: Everything, monkeypatch: pytest.MonkeyPatch, path: str, owner: Any, name: str
) -> None:
    flows, user = Flows(), UserFactory()
    flows.secrets.add(PASSWORD)
    tokens = tokens_of(user)
    flows.secrets.update(part for token in tokens for part in token.split(".")[1:])
    link = flows.link(confirmations.link_tokens.password_reset, user)
    body = {
        "email": "new@example.com" if path == "register/" else user.email,
        "new_email": "new@example.com",
        "password": flows.secret() if path == "register/" else PASSWORD,
        "current_password": PASSWORD,
        "new_password": flows.secret(),
        "refresh": tokens.refresh,
        **link,
    }
    monkeypatch.setattr(owner, name, fail)
    response = flows.post(path, body, tokens.access)
    assert response.status_code == 500
    assert any("RuntimeError: Provoked." in line for line in log.lines)
    assert any("Provoked." in line for line in log.reports)
    assert found_in(log.text(), flows) == []


def test_nor_does_one_of_a_form_that_was_sent_by_mistake(log: Everything, monkeypatch: pytest.MonkeyPatch) -> None:
    flows = Flows()
    monkeypatch.setattr(views.AccountsView, "check_throttles", fail)
    form = f"email=ada@example.com&password={flows.secret()}"
    assert flows.raw("login/", form, "application/x-www-form-urlencoded").status_code == 500
    assert any("Provoked." in line for line in log.reports)
    assert found_in(log.text(), flows) == []


def test_mail_to_admins_is_such_a_report(
    log: Everything, settings: Any, mailoutbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import django

    settings.ADMINS = ["root@example.com"] if django.VERSION >= (6, 0) else [("Root", "root@example.com")]
    handler = AdminEmailHandler(include_html=True)
    handler.setLevel(logging.ERROR)
    logging.getLogger("django.request").addHandler(handler)
    monkeypatch.setattr(signin, "atomic_write", fail)
    user, flows = UserFactory(), Flows()
    flows.secrets.add(PASSWORD)
    try:
        assert flows.post("login/", {"email": user.email, "password": PASSWORD}).status_code == 500
    finally:
        logging.getLogger("django.request").removeHandler(handler)
    # Django's own set-up sends one too, without variables.
    [html] = [content for message in mailoutbox for content, _ in message.alternatives]
    assert "sign_in" in html
    assert "Provoked." in mailoutbox[0].body
    assert found_in("\n".join([html, *(message.body for message in mailoutbox)]), flows) == []
