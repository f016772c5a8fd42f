"""One soak from the first server to the report."""

from __future__ import annotations

import random
import shutil
import tempfile
import threading
import time
import traceback
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.example.site import EXAMPLE, PRODUCTION, Site, free_port
from tests.faults import FailingRedis, Way
from tests.notifications.smtp import SmtpServer

from . import admins, checkers, customers, faults, readers, report, verdicts
from .client import Client, Interrupted
from .ledger import Ledger
from .machines import Cron, Deliverer, Gunicorn, Postgres
from .pace import MAIL_WITHIN, Pace
from .sampling import Sampler
from .troubles import Lossy

ROOT = Path(__file__).resolve().parents[2]
CUSTOMERS, SLOTS = 3, 12  # threads, and the accounts of each
READERS, RACERS = 3, 4
PASSWORD = "a quite long secret of an admin"


@dataclass(frozen=True)
class Options:
    pace: Pace
    kinds: list[str]
    faults: bool
    seed: int
    troubles: list[str]
    folder: Path


@dataclass
class Stage:
    """What runs in one soak."""

    options: Options
    stop: ExitStack
    ledger: Ledger = field(default_factory=Ledger)
    over: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def build(self) -> None:
        self.chance = random.Random(self.options.seed)
        self.smtp = self.stop.enter_context(SmtpServer())
        self.mailbox = customers.Mailbox(self.smtp)
        if "mail" in self.options.troubles:
            self.smtp.received = Lossy()
        self.postgres = Postgres(self._folder("postgres"), self.stop)
        self.redis = FailingRedis(self._folder("redis"))
        self.stop.callback(self.redis.kill)
        self.way = Way(self.redis.port)
        self.stop.callback(self.way.close)
        self.site = Site.copy_to(self._folder("site"))
        self.variables = self._variables()
        self._fill()
        log = self.options.folder
        self.web = [
            Gunicorn(kind, free_port(), self.site, self.variables, log / "web.log", self.stop)
            for kind in self.options.kinds
        ]
        self.deliverer = Deliverer(self.site, self.variables, log / "deliver.log", self.stop)
        self._wait_for_web()
        Cron(6 * self.options.pace.prune, self.site, self.variables, log / "tick.log", self.stop)

    def _folder(self, name: str) -> Path:
        folder = Path(tempfile.mkdtemp(prefix=f"shopcore-soak-{name}-"))
        self.stop.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _variables(self) -> dict[str, str]:
        return {
            **PRODUCTION,
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
            "DJANGO_SETTINGS_MODULE": "tests.soak.settings",
            "SOAK_PACE": self.options.pace.as_text(),
            "SOAK_TROUBLES": " ".join(self.options.troubles),
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.way.url,
            "EMAIL_URL": f"smtp://127.0.0.1:{self.smtp.port}",
            "TRUSTED_PROXIES": "1",
            "SHOPCORE_ACCOUNTS_MAIL_COOLDOWN": "0",
            "SHOPCORE_ACCOUNTS_REFRESH_REUSE_LEEWAY": str(self.options.pace.leeway),
        }

    def _fill(self) -> None:
        """The tables, the sample catalogue and the admins, in one process: each start takes a while."""
        commands = [["migrate", "-v0"], ["shopcore_import", str(EXAMPLE / "demo/products.csv")]]
        commands += [["shopcore_create_admin", "--email", name, "--password", PASSWORD] for name in self.admins]
        code = "import django; from django.core.management import call_command; django.setup()\n"
        done = self.site.python(code + "".join(f"call_command(*{one})\n" for one in commands), self.variables)
        if done.returncode:
            raise SystemExit(f"the site cannot be filled:\n{done.stdout}{done.stderr}")

    def _wait_for_web(self) -> None:
        probe = self.client()
        for _ in range(300):
            if all(len(server.workers) == 2 for server in self.web):
                break
            self.over.wait(0.1)
        for server in self.web:
            probe.ports = [server.port]
            for _ in range(100):
                try:
                    probe.call("GET", "/healthz/ready")
                    break
                except Interrupted:
                    self.over.wait(0.2)
            else:
                raise SystemExit(f"the site does not start:\n{(self.options.folder / 'web.log').read_text()[-3000:]}")
        self.ledger = Ledger()

    admins = ("keeper@soak.example", "versions@soak.example", "races@soak.example")

    def client(self, **options: Any) -> Client:
        ports = [server.port for server in self.web]
        return Client(self.ledger, ports, random.Random(self.chance.random()), **options)

    def begin(self, target: Any, *arguments: Any) -> None:
        def run() -> None:
            try:
                target(*arguments)
            except BaseException:  # noqa: BLE001 - a soak whose load has died would keep every promise
                last = traceback.format_exc()
                self.ledger.breaks(verdicts.WHOLE, f"{target.__qualname__} ended with {last.splitlines()[-1]}\n{last}")

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.threads.append(thread)

    def load(self) -> None:
        for _ in range(READERS):
            self.begin(readers.read, self.client(keeps=True), self.over)
        self.begin(readers.misbehave, self.client(), self.over)
        for group in range(CUSTOMERS):
            people = [customers.Customer(f"soak-{group}-{slot}@soak.example") for slot in range(SLOTS)]
            self.begin(customers.Journeys(self.client(), self.mailbox, self.over).run, people)
        keeper, versions, races = (admins.Admin(self.client(), name, PASSWORD, self.over) for name in self.admins)
        self.begin(keeper.run)
        one_each = self._spread(len(self.web))
        self.begin(checkers.Staleness(versions, one_each, self.options.pace.access).run)
        racing = self._spread(RACERS)
        self.begin(checkers.race_refreshes, racing, races, self.over, self.options.pace.leeway)
        bursting = self._spread(checkers.PARALLEL)
        every = min(25.0, self.options.pace.seconds / 6)
        self.begin(checkers.spend_limits, bursting, self.over, every)

    def _spread(self, number: int) -> list[Client]:
        """Clients of which each has its server; all servers have some."""
        clients = [self.client() for _ in range(number)]
        for place, client in enumerate(clients):
            client.ports = [self.web[place % len(self.web)].port]
        return clients

    def watch(self) -> Sampler:
        sampler = Sampler(self.ledger, self.options.pace, self.postgres, self.redis.client(), self.processes)
        for watch in (sampler.watch_memory, sampler.watch_rows, sampler.watch_messages):
            self.begin(watch, self.over)
        return sampler

    def processes(self) -> dict[str, int]:
        found = {f"{server.kind} {pid}": pid for server in self.web for pid in server.workers}
        return {**found, f"deliver {self.deliverer.pid}": self.deliverer.pid}

    def suffer(self) -> None:
        victims = faults.Victims(
            self.redis, self.way, self.postgres, self.smtp, self.web, self.deliverer, random.Random(self.options.seed)
        )
        planned = faults.plan(
            self.options.pace, random.Random(self.options.seed), victims.of_processes(), victims.of_surroundings()
        )
        self.begin(faults.inflict, planned, self.ledger, self.over)

    def end(self, sampler: Sampler) -> None:
        """No more requests; what waits is delivered."""
        self.over.set()
        for thread in self.threads:
            thread.join(60)
        if any(thread.is_alive() for thread in self.threads):
            self.ledger.breaks(verdicts.WHOLE, "a thread does not end")
        give_up = self.ledger.now() + MAIL_WITHIN
        with self.postgres.connect() as connection:
            while self.ledger.now() < give_up and sampler.note_messages(connection):
                time.sleep(0.5)
            sampler.look()
            self.people = {str(key) for (key,) in connection.execute("SELECT id FROM shopcore_accounts_user")}


def soak(options: Options) -> tuple[dict[str, Any], str]:
    """The figures, and the same for people."""
    with ExitStack() as stop:
        stage = Stage(options, stop)
        stage.build()
        print(f"seed {options.seed}, {options.pace.seconds / 60:g} minutes, logs in {options.folder}", flush=True)
        sampler = stage.watch()
        stage.load()
        if options.faults:
            stage.suffer()
        stage.over.wait(options.pace.seconds)
        stage.end(sampler)
    ids = Counter(one.message_id.strip("<>").partition("@")[0] for one in stage.smtp.received)
    welcomes = {address: stage.mailbox.welcomes(address) for address in stage.ledger.welcomed}
    violations = verdicts.judge(stage.ledger, options.pace, set(ids), welcomes, stage.people)
    about = {"seed": options.seed, "minutes": options.pace.seconds / 60, "workers": options.kinds}
    found = report.figures(stage.ledger, options.pace, violations, ids, {**about, "troubles": options.troubles})
    found["log"] = report.noise(options.folder)
    report.excerpts(violations, options.folder / "web.log", options.folder / "violations")
    return found, report.text(found, options.folder)
