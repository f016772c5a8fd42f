"""Everything that somebody does with a password, a token or a link, and all that was secret about it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.test import Client
from rest_framework.test import APIClient

from django_shopcore.accounts import link_tokens

API = "/api/v1/auth/"


class Flows:
    """A client that notes what it has sent and got in ``secrets``."""

    def __init__(self, host: str = "testserver") -> None:
        self.secrets: set[str] = set()
        self.host = host
        self.client = APIClient(raise_request_exception=False, HTTP_HOST=host)

    def secret(self, kind: str = "password") -> str:
        text = f"{kind}-{secrets.token_hex(8)}"
        self.secrets.add(text)
        return text

    def post(self, path: str, body: Any, access: str = "") -> Any:
        headers = {"HTTP_AUTHORIZATION": f"Bearer {access}"} if access else {}
        response = self.client.post(f"{API}{path}", body, format="json", **headers)
        for name in ("access", "refresh"):
            token = response.json().get(name, "") if response.get("Content-Type") == "application/json" else ""
            self.secrets.update(part for part in token.split(".")[1:] if part)
        return response

    def raw(self, path: str, body: str, content_type: str = "application/json") -> Any:
        return self.client.generic("POST", f"{API}{path}", body, content_type)

    def link(self, tokens: link_tokens.LinkTokens, user: Any) -> dict[str, str]:
        token = tokens.make_token(user)
        self.secrets.add(token)
        return {"uid": link_tokens.encode(user.pk), "token": token}

    def sign_in(self, email: str, password: str) -> dict[str, str]:
        response = self.post("login/", {"email": email, "password": password})
        assert response.status_code == 200, response.content
        tokens: dict[str, str] = response.json()
        return tokens


def drive(flows: Flows, deliver: Callable[[], object]) -> None:
    """Each flow of an account, from its registration to its end, with what goes wrong on the way.

    ``deliver`` sends the mails.
    """
    email, password = "ada@example.com", flows.secret()
    assert flows.post("register/", {"email": email, "password": password}).status_code == 201
    assert flows.post("register/", {"email": email, "password": flows.secret()}).status_code == 400
    short = flows.secret("pw")[:9]
    flows.secrets.add(short)
    assert flows.post("register/", {"email": "b@example.com", "password": short}).status_code == 400
    _sign_in_wrongly(flows, email)
    user = get_user_model().objects.get(email=email)
    deliver()
    password = _change(flows, user, email, password)
    assert flows.post("password/reset/", {"email": email}).status_code == 202
    deliver()
    password = _reset(flows, user, password)
    _refresh(flows, email, password)
    _move(flows, user, email, password, deliver)
    deliver()
    user.refresh_from_db()
    tokens = flows.sign_in(user.email, password)
    assert flows.post("logout/", {}, tokens["access"]).status_code == 204
    assert flows.post("logout/", {}, tokens["access"]).status_code == 401
    _use_the_admin(flows, user, password)
    tokens = flows.sign_in(user.email, password)
    assert flows.post("me/delete/", {"password": flows.secret()}, tokens["access"]).status_code == 400
    assert flows.post("me/delete/", {"password": password}, tokens["access"]).status_code == 204


def _sign_in_wrongly(flows: Flows, email: str) -> None:
    for address in (email, "nobody@example.com"):
        assert flows.post("login/", {"email": address, "password": flows.secret()}).status_code == 401
    assert flows.post("login/", {"email": flows.secret(), "password": [flows.secret()]}).status_code == 400
    assert flows.post("login/", {"password": flows.secret()}).status_code == 400
    assert flows.raw("login/", f'{{"email": "{email}", "password": "{flows.secret()}", ').status_code == 400
    assert flows.raw("login/", f'"{flows.secret()}"').status_code == 400
    assert flows.raw("login/", json.dumps({"email": email, "password": flows.secret() + "\x00"})).status_code == 400
    form = f"email={email}&password={flows.secret()}"
    assert flows.raw("login/", form, "application/x-www-form-urlencoded").status_code == 415
    assert flows.raw(f"login/?password={flows.secret()}&token={flows.secret()}", "{}").status_code == 400
    assert flows.post("login/", {"email": email, "password": flows.secret() + "x" * 2000}).status_code == 400


def _change(flows: Flows, user: Any, email: str, password: str) -> str:
    access, new = flows.sign_in(email, password)["access"], flows.secret()
    for current, wanted, status in ((flows.secret(), new, 400), (password, short_of(flows), 400), (password, new, 204)):
        body = {"current_password": current, "new_password": wanted}
        assert flows.post("password/change/", body, access).status_code == status
    return new


def short_of(flows: Flows) -> str:
    text = flows.secret("p")[:8]
    flows.secrets.add(text)
    return text


def _reset(flows: Flows, user: Any, password: str) -> str:
    user.refresh_from_db()
    link, new = flows.link(link_tokens.password_reset, user), flows.secret()
    forged = {**link, "token": flows.secret("token")}
    for values, wanted, status in (
        (forged, new, 400),
        (link, short_of(flows), 400),
        (link, new, 204),
        (link, new, 400),
    ):
        assert flows.post("password/reset/confirm/", {**values, "new_password": wanted}).status_code == status
    return new


def _refresh(flows: Flows, email: str, password: str) -> None:
    first = flows.sign_in(email, password)
    assert flows.post("refresh/", {"refresh": first["refresh"]}).status_code == 200
    assert flows.post("refresh/", {"refresh": first["refresh"]}).status_code == 401
    for raw in (first["access"], f"{first['refresh']}x", flows.secret("token"), ".".join([flows.secret("token")] * 3)):
        assert flows.post("refresh/", {"refresh": raw}).status_code == 401
    for raw in (first["refresh"], f"{first['access']}x", flows.secret("token")):
        assert flows.post("logout/", {}, raw).status_code == 401


def _move(flows: Flows, user: Any, email: str, password: str, deliver: Callable[[], object]) -> None:
    access = flows.sign_in(email, password)["access"]
    for wanted, status in ((flows.secret(), 400), (password, 202)):
        body = {"new_email": "new@example.com", "password": wanted}
        assert flows.post("email/change/", body, access).status_code == status
    deliver()
    user.refresh_from_db()
    token = link_tokens.make_email_change_token(user, "new@example.com")
    flows.secrets.update([token, token.partition(link_tokens.SEPARATOR)[2]])
    link = {"uid": link_tokens.encode(user.pk), "token": token}
    if hasattr(user, "email_verified"):
        verification = flows.link(link_tokens.email_verification, user)
        assert flows.post("email/verify/", verification).status_code == 204
    assert flows.post("email/change/confirm/", link).status_code == 204
    assert flows.post("email/change/confirm/", link).status_code == 400


def _use_the_admin(flows: Flows, user: Any, password: str) -> None:
    user.is_staff = True
    user.save()
    for wanted, status in ((flows.secret(), 200), (password, 302)):
        form = {"username": user.get_username(), "password": wanted}
        site = Client(HTTP_HOST=flows.host)
        assert site.post("/admin/login/?next=/admin/", form).status_code == status
    user.is_staff = False
    user.save()


def found_in(text: str, flows: Flows) -> list[str]:
    """The lines of ``text`` that hold something secret."""
    return [line for line in text.splitlines() if any(secret in line for secret in flows.secrets)]
