from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_shopcore.accounts import services, signals
from django_shopcore.accounts.models import Session
from tests.accounts.clients import bearer, session_of, signed_in, tokens_of, works
from tests.factories.accounts import PASSWORD, AdminFactory, UserFactory, has_role
from tests.problems import errors_of, problem_of

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user"),
    pytest.mark.django_db,
]

ME = "/api/v1/auth/me/"
DELETE = "/api/v1/auth/me/delete/"
PASSWORD_CHANGE = "/api/v1/auth/password/change/"
NEW = "another long secret"


def body_of(user: Any) -> dict[str, Any]:
    from django_shopcore.core.fields import UTCDateTimeField

    created = getattr(user, "created_at", getattr(user, "date_joined", None))
    return {
        "id": str(user.pk) if isinstance(user.pk, uuid.UUID) else user.pk,
        "email": user.email,
        "first_name": getattr(user, "first_name", ""),
        "last_name": getattr(user, "last_name", ""),
        "is_admin": has_role(user),
        "email_verified": False,
        "created_at": created and UTCDateTimeField().to_representation(created),
    }


def test_reads_the_account(user: Any) -> None:
    response = signed_in(user).get(ME)

    assert (response.status_code, response.json()) == (200, body_of(user))
    assert response["Cache-Control"] == "no-store"
    assert "Authorization" in response["Vary"]


def test_says_who_is_admin(admin: Any) -> None:
    assert signed_in(admin).get(ME).json() == body_of(admin)
    assert body_of(admin)["is_admin"] is True


def test_can_be_narrowed(user: Any) -> None:
    client = signed_in(user)
    assert client.get(f"{ME}?fields=email,is_admin").json() == {"email": user.email, "is_admin": False}
    assert errors_of(client.get(f"{ME}?fields=password")) == [("fields", "unknown_field")]


@pytest.mark.projects("full", "accounts_only", "host_user", "uuid_user")
def test_changes_names_and_nothing_else(user: Any) -> None:
    wishes = {
        "id": 1,
        "email": "other@example.com",
        "is_admin": True,
        "is_staff": True,
        "is_superuser": True,
        "is_active": False,
        "email_verified": True,
        "password": "x",
        "created_at": "2020-01-01T00:00:00Z",
    }
    before = body_of(user)

    response = signed_in(user).patch(ME, {"first_name": " Grace ", "last_name": "", **wishes})

    assert (response.status_code, response.json()) == (200, {**before, "first_name": "Grace", "last_name": ""})
    user.refresh_from_db()
    assert body_of(user) == response.json()
    assert (user.is_active, user.is_superuser, user.check_password(PASSWORD)) == (True, False, True)


def test_an_empty_change_changes_nothing(user: Any) -> None:
    response = signed_in(user).patch(ME, {})
    assert (response.status_code, response.json()) == (200, body_of(user))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"first_name": "x" * 151}, ("first_name", "max_length")),
        ({"last_name": None}, ("last_name", "null")),
        ({"last_name": 5}, ("last_name", "invalid")),
        ([], ("", "invalid")),
    ],
)
def test_refuses_what_is_no_name(user: Any, body: Any, error: tuple[str, str]) -> None:
    assert errors_of(signed_in(user).patch(ME, body)) == [error]


@pytest.mark.projects("full", "accounts_only", "host_user", "uuid_user")
def test_a_change_can_name_the_version_it_means(user: Any) -> None:
    client = signed_in(user)
    tag = client.get(ME)["ETag"]
    assert client.get(f"{ME}?fields=id")["ETag"] == tag

    changed = client.patch(ME, {"first_name": "Grace"}, HTTP_IF_MATCH=tag)
    assert (changed.status_code, changed["ETag"]) == (200, client.get(ME)["ETag"])

    late = client.patch(ME, {"first_name": "Augusta"}, HTTP_IF_MATCH=tag)
    assert problem_of(late) == (412, "precondition_failed")
    assert client.get(ME).json()["first_name"] == "Grace"


def test_changing_a_password_keeps_this_session_and_ends_the_others(user: Any) -> None:
    mine, other, foreign = tokens_of(user), tokens_of(user), tokens_of(UserFactory())

    response = bearer(mine.access).post(PASSWORD_CHANGE, {"current_password": PASSWORD, "new_password": NEW})

    assert (response.status_code, response.content) == (204, b"")
    assert [works(tokens.access) for tokens in (mine, other, foreign)] == [True, False, True]
    assert session_of(other).ended_at is not None
    refresh = bearer("").post("/api/v1/auth/refresh/", {"refresh": mine.refresh})
    assert refresh.status_code == 200
    assert works(refresh.json()["access"])
    login = {"email": user.email, "password": NEW}
    assert bearer("").post("/api/v1/auth/login/", login).status_code == 200
    assert bearer("").post("/api/v1/auth/login/", {**login, "password": PASSWORD}).status_code == 401


def test_changing_a_password_wants_the_current_one(user: Any) -> None:
    tokens = tokens_of(user)
    values = {"current_password": "wrong", "new_password": NEW}

    response = bearer(tokens.access).post(PASSWORD_CHANGE, values)

    assert errors_of(response) == [("current_password", "invalid_password")]
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert works(tokens.access)


def test_a_new_password_has_to_be_good(user: Any) -> None:
    client = signed_in(user)
    for new, codes in (
        ("1234", ["password_too_short", "password_too_common", "password_entirely_numeric"]),
        (user.email, ["password_too_similar"]),
        ("x" * 1025, ["max_length"]),
        ("", ["blank"]),
    ):
        response = client.post(PASSWORD_CHANGE, {"current_password": PASSWORD, "new_password": new})
        assert errors_of(response) == [("new_password", code) for code in codes]


def test_a_password_that_changed_since_it_was_checked_is_wrong(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = tokens_of(user)
    lock_users = services.lock_users

    def late(keys: Any) -> Any:
        type(user).objects.update(password="of another request")
        return lock_users(keys)

    monkeypatch.setattr(services, "lock_users", late)
    response = bearer(tokens.access).post(PASSWORD_CHANGE, {"current_password": PASSWORD, "new_password": NEW})

    assert errors_of(response) == [("current_password", "invalid_password")]
    user.refresh_from_db()
    assert not user.check_password(NEW)


def test_a_user_deleted_since_is_signed_out(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(user)
    monkeypatch.setattr(services, "lock_users", lambda keys: [])
    monkeypatch.setattr("django_shopcore.accounts.user_views.lock_users", lambda keys: [])

    response = client.post(PASSWORD_CHANGE, {"current_password": PASSWORD, "new_password": NEW})
    assert problem_of(response) == (401, "session_ended")
    assert problem_of(client.patch(ME, {"first_name": "Grace"})) == (401, "session_ended")


def test_a_caller_without_a_session_changes_the_password_and_ends_all(user: Any) -> None:
    tokens = tokens_of(user)
    services.change_password(user, current=PASSWORD, new=NEW, session=None)
    assert not works(tokens.access)
    assert not Session.objects.open().exists()


def test_a_new_password_is_an_event(user: Any) -> None:
    seen: list[Any] = []

    def note(sender: Any, user: Any, **kwargs: Any) -> None:
        seen.append((sender, user))

    signals.user_password_changed.connect(note)
    try:
        signed_in(user).post(PASSWORD_CHANGE, {"current_password": PASSWORD, "new_password": NEW})
    finally:
        signals.user_password_changed.disconnect(note)
    assert seen == [(type(user), user)]


def test_deleting_erases_the_account(user: Any) -> None:
    tokens, other = tokens_of(user), tokens_of(UserFactory())
    seen: list[Any] = []

    def note(sender: Any, user: Any, **kwargs: Any) -> None:
        seen.append((sender, user.pk, user.email))

    signals.user_deleted.connect(note)
    try:
        response = bearer(tokens.access).post(DELETE, {"password": PASSWORD})
    finally:
        signals.user_deleted.disconnect(note)

    assert (response.status_code, response.content) == (204, b"")
    assert not get_user_model().objects.filter(pk=user.pk).exists()
    assert list(Session.objects.values_list("pk", flat=True)) == [session_of(other).pk]
    assert seen == [(type(user), user.pk, user.email)]
    assert not works(tokens.access)
    again = bearer("").post("/api/v1/auth/register/", {"email": user.email, "password": NEW})
    assert again.status_code == 201


def test_deleting_wants_the_password(user: Any) -> None:
    client = signed_in(user)
    assert errors_of(client.post(DELETE, {"password": "wrong"})) == [("password", "invalid_password")]
    assert errors_of(client.post(DELETE, {})) == [("password", "required")]
    assert get_user_model().objects.filter(pk=user.pk).exists()


def test_the_last_active_admin_stays(admin: Any) -> None:
    AdminFactory(is_active=False)
    client = signed_in(admin)

    assert problem_of(client.post(DELETE, {"password": PASSWORD})) == (409, "last_admin")
    assert get_user_model().objects.filter(pk=admin.pk).exists()

    AdminFactory()
    assert client.post(DELETE, {"password": PASSWORD}).status_code == 204


def test_proofs_of_the_password_are_limited_per_user(user: Any, settings: Any) -> None:
    settings.SHOPCORE_ACCOUNTS_PASSWORD_RATE = "2/m"
    client = signed_in(user)

    answers = [client.post(DELETE, {"password": "wrong"}).status_code for _ in range(3)]

    assert answers == [400, 400, 429]
    assert signed_in(UserFactory()).post(DELETE, {"password": "wrong"}).status_code == 400
