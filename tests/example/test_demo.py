"""``manage.py demo``: from nothing to a filled site, without a question."""

from __future__ import annotations

import os
import shutil
import socket
import time

import pytest

from tests.example.site import PRODUCTION, PYTHON, Site, free_port

pytestmark = pytest.mark.projects("full")

COUNTS = "import django; django.setup()\n"
COUNTS += "from django.contrib.auth import get_user_model as user; from django_shopcore.catalog import *\n"
COUNTS += "print(user().objects.count(), get_category_model().objects.count(), get_product_model().objects.count())"

VALIDATE = "import django; django.setup(); from django_shopcore.catalog.models import Product\n"
VALIDATE += "for product in Product.objects.filter(sku__startswith='GEN-'): product.full_clean()"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site whose demo has run once."""
    site = Site.copy_to(tmp_path_factory.mktemp("demo"))
    done = site.manage("demo", "--no-serve", variables={})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Loading the sample data …\n")
    return site


def test_the_second_demo_changes_nothing(loaded: Site) -> None:
    counts = loaded.python(COUNTS, {"DEBUG": "on"}).stdout
    second = loaded.manage("demo", "--no-serve", variables={})

    assert (second.returncode, second.stderr) == (0, "")
    assert "Loading" not in second.stdout
    assert "admin@example.com" in second.stdout
    assert counts == loaded.python(COUNTS, {"DEBUG": "on"}).stdout
    users, categories, products = map(int, counts.split())
    assert users == 2
    assert categories > 300
    assert products > 300


def test_products_are_made_up_to_the_number_asked_for(loaded: Site) -> None:
    more = loaded.manage("demo", "--no-serve", "--products", "500", variables={})
    most = loaded.manage("demo", "--no-serve", "--products", "600", variables={})

    assert "\n500 products\n" in more.stdout
    assert most.stdout.startswith("Made 100 products more.\n")
    assert loaded.python(VALIDATE, {"DEBUG": "on"}).stderr == ""


def test_without_debug_there_is_no_demo(site: Site) -> None:
    done = site.manage("demo", variables={"DEBUG": "off"})

    assert done.returncode == 1
    assert done.stderr.startswith("DEBUG: is off. ")
    assert done.stderr.count("\n") == 1


def test_without_debug_the_command_refuses_however_it_is_called(site: Site) -> None:
    code = "import django; django.setup(); from django.core.management import call_command; call_command('demo')"

    assert "CommandError: DEBUG is off. " in site.python(code, PRODUCTION).stderr


def test_a_port_in_use_is_one_line(site: Site) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = site.manage("demo", "--no-browser", "--port", str(port), variables={})

    assert done.returncode == 1
    assert done.stderr.startswith(f"CommandError: Port {port} cannot be used")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name == "nt" or not shutil.which("curl"), reason="needs sh and curl")
def test_the_printed_lines_work_in_a_shell(loaded: Site) -> None:
    port = free_port()
    command = (*PYTHON, "manage.py", "demo", "--no-browser", "--port", str(port))
    with loaded.serve(*command, variables={}, port=port) as server:
        lines = [line for line in server.log.read_text().splitlines() if line.startswith(("curl ", "TOKEN="))]
        done = loaded.run("sh", "-c", "\n".join(lines), variables={})
        swagger = server.get("/swagger/")

    assert len(lines) == 3
    assert '"count":' in done.stdout
    assert '"slug":"my-first-product"' in done.stdout
    assert swagger.status == 200


def test_mails_are_delivered_by_the_server_and_printed(loaded: Site) -> None:
    port = free_port()
    command = (*PYTHON, "manage.py", "demo", "--no-browser", "--port", str(port))
    registration = {"email": "ada@example.com", "password": "correct horse battery"}
    with loaded.serve(*command, variables={}, port=port) as server:
        assert "delivered by a thread of this server and printed to this terminal" in server.log.read_text()
        assert server.post("/api/v1/auth/register/", registration).status == 201
        give_up = time.monotonic() + 20
        while "Subject: Welcome" not in (log := server.log.read_text()) and time.monotonic() < give_up:
            time.sleep(0.1)

    assert "To: ada@example.com" in log
    assert f"http://127.0.0.1:{port}" in log.partition("Subject: Welcome")[2]
    assert "Traceback" not in log
    assert "periodic" not in log


UNFORESEEN = """
import threading, time
import django; django.setup()
from shop.sample import delivery
from django_shopcore.notifications.worker import Worker
calls = []
def run(self):
    calls.append(1)
    if len(calls) == 1:
        raise ValueError("unforeseen")
    self.stop.wait()
Worker.run, delivery.PAUSE = run, 0.01
with delivery.delivery():
    while len(calls) < 2:
        time.sleep(0.01)
print(len(calls), [thread.name for thread in threading.enumerate()])
"""


def test_the_delivery_survives_what_is_unforeseen_and_ends_with_the_server(site: Site) -> None:
    done = site.python(UNFORESEEN, {"DEBUG": "on"})

    assert done.stdout == "2 ['MainThread']\n"
    assert "ValueError: unforeseen" in done.stderr
