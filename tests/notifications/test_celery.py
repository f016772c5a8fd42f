"""The recipe for Celery, with Celery's own broker in memory and a real worker in a thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.template.autoreload import reset_loaders
from django.test import override_settings
from django.utils import timezone
from rest_framework.test import APIClient

from django_shopcore.core.models import PeriodicRun
from django_shopcore.notifications import Message
from django_shopcore.notifications.models import OutboxMessage
from django_shopcore.notifications.posting import post
from django_shopcore.notifications.signals import outbox_filled
from tests.users import make_user

pytest.importorskip("celery")

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full", "host_user")]

REGISTRATION = {"email": "ada@example.com", "password": "correct horse battery staple"}


@pytest.fixture(scope="module")
def app() -> Iterator[Any]:
    """The site's Celery, which reads the settings once."""
    from tests.celery_site import settings

    broker = {
        "CELERY_BROKER_URL": "memory://",
        "CELERY_BROKER_TRANSPORT_OPTIONS": {"polling_interval": 0.05},
    }
    with override_settings(CELERY_BEAT_SCHEDULE=settings.CELERY_BEAT_SCHEDULE, **broker):
        from tests.celery_site import tasks
        from tests.celery_site.celery import app

        assert tasks
        app.finalize()
        yield app


@pytest.fixture
def waking(app: Any) -> Iterator[Any]:
    """Commits enqueue a delivery."""
    from tests.celery_site import waking

    outbox_filled.connect(waking.wake_celery)
    yield waking
    outbox_filled.disconnect(waking.wake_celery)


def _keep_logging(**kwargs: Any) -> None:
    pass


@pytest.fixture(scope="module")
def worker(app: Any, django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Runs Django's system checks when it starts, which ask the database."""
    from celery.contrib.testing.worker import start_worker
    from celery.signals import setup_logging

    # With a receiver, Celery leaves the levels of the process's loggers as they are.
    setup_logging.connect(_keep_logging)
    with django_db_blocker.unblock(), start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        yield


@pytest.fixture(autouse=True)
def _only_those_who_ask_are_woken(app: Any) -> None:
    from tests.celery_site import waking

    outbox_filled.disconnect(waking.wake_celery)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


def all_are_sent() -> bool:
    return set(OutboxMessage.objects.values_list("state", flat=True)) == {"sent"}


@pytest.mark.usefixtures("waking", "worker")
def test_a_commit_wakes_the_worker() -> None:
    assert APIClient().post("/api/v1/auth/register/", REGISTRATION, format="json").status_code == 201
    wait_for(all_are_sent)
    assert {tuple(sent.to) for sent in mail.outbox} == {("ada@example.com",)}


def test_a_rollback_does_not(waking: Any, news: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueued: list[dict[str, Any]] = []
    monkeypatch.setattr(waking.deliver_notifications, "apply_async", lambda **options: enqueued.append(options))
    with transaction.atomic():
        post(news, [Message(user=make_user())])
        transaction.set_rollback(True)
    assert enqueued == []
    post(news, [Message(user=make_user())])
    assert enqueued == [{"retry": False}]


@pytest.mark.usefixtures("waking")
def test_without_a_broker_the_request_lives_and_the_message_waits(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise ConnectionRefusedError("no broker")

    monkeypatch.setattr("kombu.transport.memory.Channel._put", refuse)
    with caplog.at_level(logging.ERROR, "django.db.backends.base"):
        response = APIClient().post("/api/v1/auth/register/", REGISTRATION, format="json")
    assert response.status_code == 201
    assert OutboxMessage.objects.filter(state="pending", attempts=0).exists()
    assert "Error calling enqueue_delivery in on_commit() during transaction (no broker)." in caplog.text


@pytest.mark.usefixtures("worker")
def test_beat_has_everything_delivered_and_the_periodic_work_done(app: Any, news: Any) -> None:
    from celery.beat import Scheduler

    for _ in range(120):
        post(news, [Message(user=make_user())])
    scheduler = Scheduler(app, lazy=True)
    scheduler.setup_schedule()
    assert {entry.task for entry in scheduler.schedule.values()} <= set(app.tasks)
    for entry in scheduler.schedule.values():
        scheduler.apply_entry(entry)
    wait_for(all_are_sent)
    assert len(mail.outbox) == 120
    wait_for(lambda: PeriodicRun.objects.filter(name="notifications.digests").exists())


@pytest.mark.usefixtures("worker")
def test_what_fails_is_delivered_by_a_later_run(
    app: Any, news: Any, site_templates: Callable[[str, str], None]
) -> None:
    site_templates("news/subject.txt", "{% nonsense %}")
    post(news, [Message(user=make_user())])
    app.send_task("deliver_notifications")
    wait_for(lambda: OutboxMessage.objects.filter(attempts=1, lease="").exists())
    assert mail.outbox == []
    site_templates("news/subject.txt", "Mended")
    reset_loaders()
    OutboxMessage.objects.update(available_at=timezone.now())
    app.send_task("deliver_notifications")
    wait_for(all_are_sent)
    assert [sent.subject for sent in mail.outbox] == ["Mended"]
