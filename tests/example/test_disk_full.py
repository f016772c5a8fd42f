"""The site on a disk of its own that fills up."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.example.site import PRODUCTION, Server, Site, free_port

pytestmark = [
    pytest.mark.projects("full"),
    pytest.mark.skipif(sys.platform != "linux", reason="gunicorn, and a file system in memory"),
]

REGISTER, PRODUCTS = "/api/v1/auth/register/", "/api/v1/products/"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True, check=False)
    if mount.returncode:
        pytest.skip("only root may mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def server(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    site = Site.copy_to(tmp_path_factory.mktemp("site"))
    variables = {
        **PRODUCTION,
        "DATABASE_URL": f"sqlite:///{disk}/db.sqlite3",
        "SHOPCORE_ACCOUNTS_REGISTER_RATE": "1000/m",
    }
    assert site.manage("migrate", "-v0", variables=variables).returncode == 0
    port = free_port()
    gunicorn = (sys.executable, "-m", "gunicorn", "--no-control-socket", "--bind", f"127.0.0.1:{port}")
    with site.serve(*gunicorn, "shop.wsgi", variables=variables, port=port) as server:
        yield server


def test_a_full_disk_is_503_reads_go_on_and_writes_when_there_is_space(server: Server, disk: Path) -> None:
    def register(number: int) -> int:
        answer = server.post(REGISTER, {"email": f"ann{number}@example.com", "password": "correct horse battery"})
        if answer.status == 503:
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert int(answer.headers["Retry-After"]) > 0
        return answer.status

    assert register(0) == 201
    with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(b"x" * 1024)
    statuses = [register(number) for number in range(1, 40)]
    assert set(statuses[-10:]) == {503}
    assert set(statuses) <= {201, 503}
    assert server.get(PRODUCTS).status == 200
    assert server.get("/healthz/live").status == 200

    (disk / "ballast").unlink()
    # What was answered with 503 was not written, and what was answered with 201 was.
    expected = [400 if status == 201 else 201 for status in statuses]
    assert [register(number) for number in range(1, 40)] == expected
