"""The clients in example_project/clients, against the site under gunicorn with its sample data.

Those for node skip where node or its packages are not to be had; with REQUIRE_NODE=1 they fail instead.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pyotp
import pytest

from example_project.clients.python.shop_client import Shop, ShopError
from tests.example.site import DEBUG, EXAMPLE, PRODUCTION, Server, Site, free_port

pytestmark = [
    pytest.mark.projects("full"),
    pytest.mark.skipif(os.name == "nt", reason="gunicorn does not run on Windows"),
]

ROOT = EXAMPLE.parent
CLIENTS = EXAMPLE / "clients"
CUSTOMER = ("customer@example.com", "just-looking-2026")
# All tests sign in from one address, so its limit is lifted.
VARIABLES = {**PRODUCTION, "SHOPCORE_ACCOUNTS_LOGIN_RATE": "1000/m"}
REFRESHED = "POST /api/v1/auth/refresh/ 200 in"
WALK = [
    "signed in as admin@example.com",
    "found 5, the cheapest at 19.99 USD",
    "created {}'s own",
    "changed its price to 17.90",
    "too late with the old tag: 412 precondition_failed",
    "still signed in as admin@example.com",
    "signed out",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    site = Site.copy_to(tmp_path_factory.mktemp("shop"))
    prepared = site.manage("demo", "--no-serve", variables=DEBUG)
    assert prepared.returncode == 0, prepared.stderr
    port = free_port()
    gunicorn = (sys.executable, "-m", "gunicorn", "--chdir", str(site.folder), "--no-control-socket")
    options = ("--threads", "8", "--bind", f"127.0.0.1:{port}")
    with site.serve(*gunicorn, *options, "shop.wsgi", variables=VARIABLES, port=port) as server:
        yield server


@pytest.fixture
def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


# --- Python ---------------------------------------------------------------------------------------------


@pytest.fixture
def expired(address: str) -> Iterator[Shop]:
    """A customer who is signed in, and whose access token is no longer good."""
    with Shop(address) as shop:
        shop.login(*CUSTOMER)
        assert shop.auth.tokens
        shop.auth.tokens = {**shop.auth.tokens, "access": "expired"}
        yield shop


class AllAtOnce:
    """The opposite of a lock: those who enter start at one moment."""

    def __init__(self, count: int) -> None:
        self.barrier = threading.Barrier(count, timeout=30)

    def __enter__(self) -> None:
        self.barrier.wait()

    def __exit__(self, *_: object) -> None:
        pass


def test_the_python_client_walks_through_the_shop(address: str) -> None:
    script = str(CLIENTS / "python" / "shop_client.py")
    environment = {**os.environ, "SHOP_URL": address}

    done = subprocess.run(
        [sys.executable, "-W", "error", script], env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [line.format("Python") for line in WALK]


def test_the_python_client_takes_the_second_step(address: str) -> None:
    credentials = {"email": "careful@example.com", "password": "two-locks-on-the-door"}
    assert httpx.post(f"{address}/api/v1/auth/register/", json=credentials).status_code == 201
    with Shop(address) as shop:
        assert shop.login(**credentials) is None
        assert shop.auth.tokens
        headers = {"Authorization": f"Bearer {shop.auth.tokens['access']}"}
        begun = httpx.post(f"{address}/api/v1/auth/mfa/totp/", json=credentials, headers=headers)
        app = pyotp.TOTP(begun.json()["secret"])
        confirmed = {"code": app.now()}
        answer = httpx.post(f"{address}/api/v1/auth/mfa/totp/confirm/", json=confirmed, headers=headers)
        assert answer.status_code == 200
    with Shop(address) as shop:
        challenge = shop.login(**credentials)
        assert challenge
        assert shop.auth.tokens is None
        shop.second_step(challenge, app.at(int(time.time()), counter_offset=1))  # the present one has been used
        assert shop.me()["email"] == credentials["email"]


def test_the_admin_s_log_in_asks_for_a_second_factor(address: str) -> None:
    assert 'name="second_factor"' in httpx.get(f"{address}/admin/login/").text


def test_threads_that_meet_an_expired_token_share_one_refresh(server: Server, expired: Shop) -> None:
    before = server.log.read_text().count(REFRESHED)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: expired.me()["email"], range(8)))

    assert answers == [CUSTOMER[0]] * 8
    assert server.log.read_text().count(REFRESHED) == before + 1


def test_without_taking_turns_one_of_two_threads_is_refused(expired: Shop) -> None:
    expired.auth.lock = AllAtOnce(2)

    def status() -> str:
        try:
            expired.me()
        except ShopError as error:
            return error.code
        return "ok"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(future.result() for future in [pool.submit(status), pool.submit(status)])

    assert "token_spent" in answers


def test_a_session_that_was_ended_elsewhere_signs_out_here(address: str, expired: Shop) -> None:
    expired.me()
    with Shop(address, expired.auth.tokens) as elsewhere:
        elsewhere.logout()

    with pytest.raises(ShopError, match="401 session_ended"):
        expired.me()

    assert expired.auth.tokens is None


def test_a_walk_by_cursor_meets_every_product_once(address: str) -> None:
    with Shop(address) as visitor:
        keys = [product["id"] for product in visitor.products(size=100, ordering="price")]

    count = httpx.get(f"{address}/api/v1/products/").json()["count"]
    assert len(set(keys)) == len(keys) == count > 100


# --- Node -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the clients need, laid out as in the repository, so that nothing is installed there."""
    folder = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("node_modules", "build", "schema.d.ts")
    shutil.copytree(CLIENTS, folder / "example_project" / "clients", ignore=ignored)
    (folder / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "openapi.yaml", folder / "docs")
    return folder / "example_project" / "clients"


def npm(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    cache = {"npm_config_cache": str(ROOT / ".cache" / "npm"), "npm_config_update_notifier": "false"}
    return subprocess.run(
        ["npm", *arguments],
        cwd=folder,
        env={**cache, **os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def install(folder: Path) -> Path:
    if shutil.which("node") is None or shutil.which("npm") is None:
        go_without("node or npm is not installed")
    done = npm(folder, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1")
    assert "EUSAGE" not in done.stderr, done.stderr  # the lock file does not fit package.json
    if done.returncode:
        go_without(f"npm cannot install its packages: {done.stderr[-500:]}")
    return folder


def go_without(reason: str) -> None:
    if os.environ.get("REQUIRE_NODE") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def run(folder: Path, *arguments: str, **variables: str) -> str:
    done = npm(folder, "run", "--silent", *arguments, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def typescript(copy: Path) -> Path:
    """The TypeScript client, with its types made from the schema, and compiled by them."""
    folder = install(copy / "typescript")
    run(folder, "generate")
    run(folder, "build")
    return folder


@pytest.fixture(scope="module")
def postman(copy: Path) -> Path:
    return install(copy / "postman")


def test_the_typescript_client_walks_through_the_shop(typescript: Path, address: str) -> None:
    assert run(typescript, "start", SHOP_URL=address).splitlines() == [line.format("TypeScript") for line in WALK]


def test_the_typescript_client_takes_turns_at_refreshing(typescript: Path, address: str) -> None:
    printed = run(typescript, "test", SHOP_URL=address)

    assert "pass 7\n" in printed
    assert "fail 0\n" in printed


def newman(postman: Path, address: str, *options: str) -> tuple[int, list[dict[str, object]], list[object]]:
    """The exit code, what was sent and answered, and what was not as expected."""
    report = postman / "report.json"
    variables = ("--env-var", f"site={address}", "--reporters", "json", "--reporter-json-export", str(report))
    done = npm(postman, "test", "--silent", "--", *variables, *options)
    assert report.exists(), done.stdout + done.stderr
    ran = json.loads(report.read_text())["run"]
    report.unlink()
    return done.returncode, ran["executions"], ran["failures"]


def test_newman_finds_the_collection_as_it_should_be(postman: Path, address: str) -> None:
    code, executions, failures = newman(postman, address)

    assert failures == []
    assert code == 0
    collection = json.loads((postman / "shop.postman_collection.json").read_text())
    written = {request["name"] for folder in collection["item"] for request in folder["item"]}
    assert {execution["item"]["name"] for execution in executions} == written
    statuses = {execution["response"]["code"] for execution in executions}
    assert statuses == {200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 409, 412, 413, 415, 429}
    assert all(execution["assertions"] for execution in executions if execution["response"]["code"] != 202)


def test_newman_fails_where_the_shop_is_not_as_expected(postman: Path, address: str) -> None:
    code, _, failures = newman(postman, address, "--env-var", "admin_password=wrong", "--folder", "An admin")

    assert failures != []
    assert code != 0


@pytest.mark.parametrize("name", ["postman", "typescript"])
def test_lock_files_leave_the_registry_to_the_machine(name: str) -> None:
    packages = json.loads((CLIENTS / name / "package-lock.json").read_text())["packages"]

    assert [path for path, package in packages.items() if "resolved" in package] == []
    assert all(package["integrity"].startswith("sha512-") for path, package in packages.items() if path)
