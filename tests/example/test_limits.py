"""The limits of signing in, as a real server with several processes keeps them, in the API and in the admin."""

from __future__ import annotations

import http.client
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.example.site import PRODUCTION, Server, Site, free_port

LOGIN = "/api/v1/auth/login/"
# Two proxies of ours, each of which appends who called it.
BEHIND_PROXIES = {
    **PRODUCTION,
    "TRUSTED_PROXIES": "2",
    "SHOPCORE_ACCOUNTS_LOGIN_RATE": "5/h",
    "SHOPCORE_ACCOUNTS_LOGIN_ACCOUNT_RATE": "7/h",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if os.name == "nt":
        pytest.skip("gunicorn does not run on Windows")
    site = Site.copy_to(tmp_path_factory.mktemp("limits"))
    variables = {**BEHIND_PROXIES, "DATABASE_URL": f"sqlite:///{site.folder}/db.sqlite3"}
    done = site.manage("migrate", "--verbosity", "0", variables=variables)
    assert done.returncode == 0, done.stderr
    gunicorn = (sys.executable, "-m", "gunicorn", "--chdir", str(site.folder), "--no-control-socket")
    port = free_port()
    options = ("--workers", "3", "--threads", "4", "--bind", f"127.0.0.1:{port}")
    with site.serve(*gunicorn, *options, "shop.wsgi", variables=variables, port=port) as running:
        yield running


def attempt(server: Server, email: str, lines: list[str]) -> int:
    """The status of an attempt whose request has these lines of ``X-Forwarded-For``."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    body = json.dumps({"email": email, "password": "a guess of somebody"}).encode()
    connection.putrequest("POST", LOGIN, skip_host=True)
    headers = [("Host", "localhost"), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    for name, value in [*headers, *(("X-Forwarded-For", line) for line in lines)]:
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def statuses(server: Server, requests: list[tuple[str, list[str]]]) -> Counter[int]:
    with ThreadPoolExecutor(20) as pool:
        return Counter(pool.map(lambda each: attempt(server, *each), requests))


def test_a_client_that_makes_up_lines_of_the_header_is_one_client(server: Server) -> None:
    requests = [
        (f"nobody{number}@example.com", [f"192.0.2.{number}", f"198.51.100.{number}", "203.0.113.1, 10.0.0.2"])
        for number in range(15)
    ]
    # Of whatever the proxies make: a line of their own each, or one.
    requests += [(email, [made_up, "203.0.113.1", "10.0.0.2"]) for email, (made_up, *_) in requests]
    assert statuses(server, requests) == {401: 5, 429: 25}


def test_clients_that_try_one_account_share_its_limit(server: Server) -> None:
    requests = [("somebody@example.com", [f"198.51.100.{number}, 10.0.0.2"]) for number in range(30)]
    assert statuses(server, requests) == {401: 7, 429: 23}


ATTEMPTS = """
import django; django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
User = get_user_model()
admin = User.objects.create_superuser("admin@example.com", "the password of admin")
mallory = User.objects.create_superuser("mallory@example.com", "that of mallory")
URL = "/admin/login/?next=/admin/"

def attempt(name, password, address, client=None):
    form = {"username": name, "password": password}
    return (client or Client()).post(URL, form, HTTP_HOST="localhost", REMOTE_ADDR=address)

found = {}
found["at home"] = attempt("admin@example.com", "the password of admin", "198.51.100.1").status_code
insider = Client()
attempt("mallory@example.com", "that of mallory", "203.0.113.200", insider)
found["guesses"] = [attempt(f" ADMIN@example.com ", "guess", f"203.0.113.{n}", insider).status_code for n in range(4)]
found["over the API"] = Client().post(
    "/api/v1/auth/login/", {"email": "admin@example.com", "password": "guess"}, content_type="application/json",
    HTTP_HOST="localhost", REMOTE_ADDR="203.0.113.250",
).status_code
answer = attempt("admin@example.com", "the password of admin", "203.0.113.251")
found["elsewhere"] = [answer.status_code, answer["RateLimit-Policy"], 0 < int(answer["Retry-After"]) <= 3600]
found["at home again"] = attempt("admin@example.com", "the password of admin", "198.51.100.1").status_code
import json; print(json.dumps(found))
"""


def test_the_admins_log_in_is_limited_by_account_and_lets_the_owner_in(fresh_site: Site) -> None:
    variables = {**PRODUCTION, "SHOPCORE_ACCOUNTS_LOGIN_ACCOUNT_RATE": "3/h"}
    done = fresh_site.python(ATTEMPTS, variables)

    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found == {
        "at home": 302,
        "guesses": [200, 200, 200, 429],
        "over the API": 429,
        "elsewhere": [429, '"login-account";q=3;w=3600', True],
        "at home again": 302,
    }


WITHOUT = """
from django_shopcore.accounts import attempts
attempts.count = lambda request, name: []
"""


def test_control_without_the_limit_by_account_each_client_guesses_on(fresh_site: Site) -> None:
    variables = {**PRODUCTION, "SHOPCORE_ACCOUNTS_LOGIN_ACCOUNT_RATE": "3/h"}
    done = fresh_site.python(ATTEMPTS.replace("URL =", WITHOUT + "URL =").replace('answer["RateLimit-Policy"]', "0")
                             .replace('int(answer["Retry-After"])', "0"), variables)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["guesses"] == [200] * 4
