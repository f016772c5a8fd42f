from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView, exception_handler

from django_shopcore.accounts.authentication import SessionTokenAuthentication
from django_shopcore.accounts.models import Session
from django_shopcore.accounts.querysets import SessionQuerySet
from tests.accounts.clients import bearer, session_of, signed_in, tokens_of, works
from tests.factories.accounts import demote, promote

pytestmark = [
    pytest.mark.projects("full", "accounts_only", "host_user", "email_user", "uuid_user"),
    pytest.mark.django_db,
]


@pytest.mark.projects("full", "accounts_only", "host_user", "email_user")
def test_costs_one_statement(user: Any, django_assert_num_queries: Any) -> None:
    client = signed_in(user)
    with django_assert_num_queries(1):
        assert client.get("/api/v1/auth/me/").status_code == 200


@pytest.mark.projects("full", "accounts_only", "host_user", "email_user")
def test_the_last_use_is_noted_every_five_minutes(user: Any, django_assert_num_queries: Any) -> None:
    tokens = tokens_of(user)
    client = bearer(tokens.access)
    recent = timezone.now() - timedelta(minutes=4)
    Session.objects.update(last_used_at=recent)
    with django_assert_num_queries(1):
        client.get("/api/v1/auth/me/")
    assert session_of(tokens).last_used_at == recent

    Session.objects.update(last_used_at=timezone.now() - timedelta(minutes=6))
    with django_assert_num_queries(2):
        client.get("/api/v1/auth/me/")
    assert session_of(tokens).last_used_at > recent
    with django_assert_num_queries(1):
        client.get("/api/v1/auth/me/")


def test_a_new_password_ends_the_sessions_however_it_was_set(user: Any) -> None:
    tokens = tokens_of(user)
    user.set_password("another long secret")  # as `manage.py changepassword` and the Django admin do
    user.save()
    assert not works(tokens.access)


def test_deactivating_holds_for_the_next_request(user: Any) -> None:
    tokens = tokens_of(user)
    assert works(tokens.access)
    type(user).objects.update(is_active=False)
    assert not works(tokens.access)


def test_deleting_holds_for_the_next_request(user: Any) -> None:
    tokens = tokens_of(user)
    user.delete()
    assert not works(tokens.access)
    assert not Session.objects.exists()


def test_demoting_holds_for_the_next_request(admin: Any) -> None:
    client = signed_in(admin)
    assert client.get("/api/v1/users/").status_code == 200
    demote(admin)
    assert client.get("/api/v1/users/").status_code == 403


def test_promoting_holds_for_the_next_request(user: Any) -> None:
    client = signed_in(user)
    assert client.get("/api/v1/users/").status_code == 403
    promote(user)
    assert client.get("/api/v1/users/").status_code == 200


def test_an_expired_session_is_over_whatever_its_access_token_says(user: Any) -> None:
    tokens = tokens_of(user)
    Session.objects.update(expires_at=timezone.now())
    assert not works(tokens.access)


@pytest.mark.projects("full", "swapped", "host_user")
@pytest.mark.parametrize("path", ["products/", "products/?cursor=&ordering=price"])
def test_a_signed_in_caller_costs_a_page_one_statement_more(user: Any, path: str) -> None:
    from tests.factories.catalog import ProductFactory

    ProductFactory.create()
    client = signed_in(user)
    statements = []
    for caller in (APIClient(), client, client):
        with CaptureQueriesContext(connection) as captured:
            assert caller.get(f"/api/v1/{path}").json()["results"]
        statements.append([query["sql"] for query in captured])
    anonymous, first, second = statements
    assert [len(anonymous), len(first), len(second)] == [1, 2, 2]
    assert Session._meta.db_table in second[0]
    assert second[1] == anonymous[0]


def request_of(rf: Any, access: str) -> Any:
    return rf.get("/", HTTP_AUTHORIZATION=f"Bearer {access}")


@pytest.mark.projects("full", "accounts_only", "email_user", "host_user")
def test_session_and_user_are_as_the_orm_reads_them(user: Any, rf: Any, django_assert_num_queries: Any) -> None:
    tokens = tokens_of(user, REMOTE_ADDR="2001:db8::1", HTTP_USER_AGENT="Browser")
    Session.objects.update(spent={"digest": 1})
    expected = Session.objects.select_related("user").get()
    authentication = SessionTokenAuthentication()
    for _ in range(2):
        with django_assert_num_queries(1):
            found = authentication.authenticate(request_of(rf, tokens.access))
            assert found is not None
            assert found[1].user is found[0]
        for row, same in ((found[0], expected.user), (found[1], expected)):
            assert type(row) is type(same)
            assert (row._state.db, row._state.adding, row.get_deferred_fields()) == ("default", False, set())
            names = [field.attname for field in row._meta.concrete_fields]
            assert [getattr(row, name) for name in names] == [getattr(same, name) for name in names]


@pytest.mark.projects("full", "accounts_only", "email_user", "host_user")
def test_a_user_model_loads_itself_in_its_own_way(user: Any, rf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = tokens_of(user)
    model: Any = type(user)
    seen: list[Any] = []
    original = model.from_db

    def from_db(cls: Any, db: str, field_names: Any, values: Any, **options: Any) -> Any:
        seen.append((db, dict(zip(field_names, values, strict=True))["email"]))
        return original(db, field_names, values, **options)

    monkeypatch.setattr(model, "from_db", classmethod(from_db))
    SessionTokenAuthentication().authenticate(request_of(rf, tokens.access))
    assert seen == [("default", user.email)]


class ReplicaRouter:
    """Reads go where nothing is."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"


@pytest.mark.projects("full", "accounts_only", "host_user", "email_user")
def test_reads_from_the_database_that_is_written_to(user: Any, settings: Any) -> None:
    tokens = tokens_of(user)
    settings.DATABASE_ROUTERS = [f"{__name__}.ReplicaRouter"]
    assert works(tokens.access)


class SessionsOfAShop(SessionQuerySet[Any]):
    """As a host may have them: what there is depends on where one is."""

    shop = "here"

    def fresh(self) -> Any:
        return super().fresh().filter(user_agent=self.shop)


def test_sessions_that_a_host_reads_in_its_own_way_are(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = tokens_of(user, HTTP_USER_AGENT="here")
    manager: Any = SessionsOfAShop.as_manager()
    manager.model = Session
    monkeypatch.setattr(Session, "objects", manager)
    assert works(tokens.access)
    monkeypatch.setattr(SessionsOfAShop, "shop", "elsewhere")
    assert not works(tokens.access)


def test_a_token_that_worked_stops_with_its_key(user: Any, settings: Any) -> None:
    tokens = tokens_of(user)
    assert works(tokens.access)
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "SIGNING_KEY": "another key of the tests, at least 32 bytes"}
    assert not works(tokens.access)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's connections do not break.")
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_broke_is_replaced(user: Any) -> None:
    tokens = tokens_of(user)
    assert works(tokens.access)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.close()
    assert works(tokens.access)


class HostView(APIView):
    """A view of the host's own that asks for our tokens."""

    authentication_classes = [SessionTokenAuthentication]
    permission_classes = [IsAuthenticated]
    throttle_classes = []
    versioning_class = None
    renderer_classes = [JSONRenderer]

    def get_exception_handler(self) -> Any:
        return exception_handler

    def get(self, request: Request) -> Response:
        return Response(request.user.email)


def test_the_hosts_own_views_can_ask_for_the_same_tokens(user: Any, rf: Any) -> None:
    view = HostView.as_view()
    response = view(rf.get("/", HTTP_AUTHORIZATION=f"Bearer {tokens_of(user).access}"))
    assert (response.status_code, response.data) == (200, user.email)
    for headers in ({}, {"HTTP_AUTHORIZATION": "Bearer stale"}):
        refused = view(rf.get("/", **headers))
        assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.projects("full", "host_user")
def test_the_catalogue_asks_for_the_same_tokens(user: Any, admin: Any) -> None:
    assert APIClient().get("/api/v1/products/").status_code == 200
    assert bearer("stale").get("/api/v1/products/").status_code == 401
    assert signed_in(user).post("/api/v1/categories/", {"name": "x"}).status_code == 403
    assert signed_in(admin).post("/api/v1/categories/", {"name": "x"}).status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "auth/logout/"),
        ("post", "auth/logout-all/"),
        ("get", "auth/sessions/"),
        ("delete", "auth/sessions/x/"),
        ("get", "auth/me/"),
        ("patch", "auth/me/"),
        ("post", "auth/me/delete/"),
        ("post", "auth/password/change/"),
        ("get", "users/"),
        ("get", "users/x/"),
        ("patch", "users/x/"),
    ],
)
def test_all_else_wants_a_signed_in_caller(anonymous: APIClient, method: str, path: str, db: None) -> None:
    response = getattr(anonymous, method)(f"/api/v1/{path}")

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"
    assert response["Cache-Control"] == "no-store"
    assert "Authorization" in response["Vary"]
    assert response.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": response.json()["detail"],
        "code": "not_authenticated",
    }


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("auth/register/", "POST, OPTIONS"),
        ("auth/login/", "POST, OPTIONS"),
        ("auth/refresh/", "POST, OPTIONS"),
        ("auth/logout/", "POST, OPTIONS"),
        ("auth/logout-all/", "POST, OPTIONS"),
        ("auth/sessions/", "GET, HEAD, OPTIONS"),
        ("auth/sessions/x/", "DELETE, OPTIONS"),
        ("auth/me/", "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("auth/me/export/", "GET, HEAD, OPTIONS"),
        ("auth/me/delete/", "POST, OPTIONS"),
        ("auth/password/change/", "POST, OPTIONS"),
        ("users/", "GET, HEAD, OPTIONS"),
        ("users/x/", "GET, PATCH, HEAD, OPTIONS"),
    ],
)
def test_other_methods_are_405_before_anything_else(anonymous: APIClient, path: str, allowed: str, db: None) -> None:
    response = anonymous.put(f"/api/v1/{path}", {})
    assert (response.status_code, response["Allow"]) == (405, allowed)
