"""Domain events are part of the write: they come inside its transaction, and a receiver that raises undoes it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from django_shopcore.accounts import link_tokens, signals
from django_shopcore.accounts.models import Session
from tests.accounts.clients import signed_in, tokens_of, works
from tests.accounts.mails import post
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user"),
    pytest.mark.django_db(transaction=True),
]

NEW = "another quite long secret"
ADDRESS = "ada@example.com"


class ReceiverError(Exception):
    pass


def heard(*names: str) -> list[tuple[str, Any, dict[str, Any]]]:
    """The events of these names from now on, with their senders; each must come in a transaction."""
    events: list[tuple[str, Any, dict[str, Any]]] = []

    def listen(name: str) -> None:
        def note(sender: Any, signal: Any, **event: Any) -> None:
            assert transaction.get_connection().in_atomic_block
            events.append((name, sender, event))

        getattr(signals, name).connect(note, weak=False)

    for name in names:
        listen(name)
    return events


def fail_at(name: str) -> None:
    def fail(sender: Any, **event: Any) -> None:
        raise ReceiverError

    getattr(signals, name).connect(fail, weak=False)


def rows() -> list[Any]:
    models = [get_user_model(), Session]
    from django.apps import apps

    if apps.is_installed("django_shopcore.notifications"):
        models.append(apps.get_model("shopcore_notifications", "OutboxMessage"))
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def reset_link(user: Any) -> dict[str, str]:
    return {"uid": link_tokens.encode(user.pk), "token": link_tokens.password_reset.make_token(user)}


def test_registered() -> None:
    events = heard("user_registered")
    assert post("register/", {"email": ADDRESS, "password": NEW}).status_code == 201
    user = get_user_model().objects.get()
    assert events == [("user_registered", get_user_model(), {"user": user})]


def test_signed_in() -> None:
    user = UserFactory(email=ADDRESS)
    events = heard("user_signed_in")
    assert post("login/", {"email": ADDRESS, "password": PASSWORD}).status_code == 200
    assert events == [("user_signed_in", get_user_model(), {"user": user, "session": Session.objects.get()})]


def test_a_new_password_asked_for_and_set() -> None:
    user = UserFactory(email=ADDRESS)
    names = ("password_reset_requested", "user_password_changed", "password_reset_completed")
    events = heard(*names)
    assert post("password/reset/", {"email": ADDRESS}).status_code == 202
    assert post("password/reset/confirm/", {**reset_link(user), "new_password": NEW}).status_code == 204
    model = get_user_model()
    assert events == [(names[0], model, {"email": ADDRESS}), *((name, model, {"user": user}) for name in names[1:])]


def test_a_new_password_by_its_owner_is_no_reset() -> None:
    events = heard("user_password_changed", "password_reset_completed")
    change = {"current_password": PASSWORD, "new_password": NEW}
    assert signed_in(UserFactory()).post("/api/v1/auth/password/change/", change).status_code == 204
    assert [name for name, _sender, _event in events] == ["user_password_changed"]


def test_a_reset_that_is_refused_is_no_event() -> None:
    user = UserFactory()
    events = heard("user_password_changed", "password_reset_completed")
    wrong = {**reset_link(user), "token": "d4yvr5-0f8c9b2e6a1d4c7f"}
    assert post("password/reset/confirm/", {**wrong, "new_password": NEW}).status_code == 400
    assert events == []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("user_registered", "register/"),
        ("user_signed_in", "login/"),
        ("password_reset_requested", "password/reset/"),
        ("password_reset_completed", "password/reset/confirm/"),
    ],
)
def test_a_receiver_that_raises_undoes_it(name: str, path: str, settings: Any) -> None:
    user = UserFactory(email=ADDRESS)
    tokens = tokens_of(user)
    bodies = {
        "register/": {"email": "new@example.com", "password": NEW},
        "login/": {"email": ADDRESS, "password": PASSWORD},
        "password/reset/": {"email": ADDRESS},
        "password/reset/confirm/": {**reset_link(user), "new_password": NEW},
    }
    user.refresh_from_db()
    before = rows()
    fail_at(name)

    with pytest.raises(ReceiverError):
        post(path, bodies[path])

    assert rows() == before
    assert works(tokens.access)
    getattr(signals, name).receivers.pop()
    getattr(signals, name).sender_receivers_cache.clear()
    assert post(path, bodies[path]).status_code < 300
    assert rows() != before or path == "password/reset/"
