"""A commit wakes the delivery by a task, where Django's task framework has a backend that works elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import django
import pytest
from asgiref.local import Local
from django.core import mail
from django.db import transaction
from django.utils.module_loading import import_string
from rest_framework.test import APIClient

from django_shopcore.core import breakers
from django_shopcore.notifications import Message, waking
from django_shopcore.notifications.models import OutboxMessage
from django_shopcore.notifications.posting import post
from tests.users import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full", "host_user")]

BACKENDS = "tests.notifications.task_backends"
OURS = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"


@pytest.fixture
def framework(settings: Any) -> Any:
    """The framework that this version of Django has, or its backport where that is installed."""
    if django.VERSION < (6, 0):
        pytest.importorskip("django_tasks")
        settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "django_tasks"]
    return import_string(f"{BACKENDS}.task_backends")


@pytest.fixture
def backend(framework: Any, settings: Any) -> Iterator[Any]:
    """Names the site's backend by its class; the tasks that ``Recording`` got are in the ``enqueued`` of it."""
    recording = import_string(f"{BACKENDS}.Recording")
    recording.enqueued.clear()

    def use(path: str, **options: Any) -> Any:
        settings.TASKS = {"default": {"BACKEND": path, **options}}
        _forget_settings(framework)
        return recording

    yield use
    del settings.TASKS
    _forget_settings(framework)


def _forget_settings(handler: Any) -> None:
    """The framework does not notice by itself that ``TASKS`` has changed."""
    handler.__dict__.pop("settings", None)
    handler._settings = None
    handler._connections = Local(handler.thread_critical)


def news_for(user: Any, news: Any) -> None:
    post(news, [Message(user=user, data={"title": "Rain"})])


def test_a_commit_enqueues_one_delivery(backend: Any, news: Any) -> None:
    enqueued, user = backend(f"{BACKENDS}.Recording").enqueued, make_user()
    with transaction.atomic():
        news_for(user, news)
        news_for(user, news)
        assert enqueued == []
    assert [task.name for task in enqueued] == ["deliver_outbox"]
    news_for(user, news)
    assert len(enqueued) == 2


def test_the_task_delivers_and_is_found_by_its_name(backend: Any, news: Any) -> None:
    user = make_user()
    enqueued = backend(f"{BACKENDS}.Recording").enqueued
    news_for(user, news)
    [task] = enqueued
    found = import_string(task.module_path)
    assert type(found) is type(task)
    assert mail.outbox == []
    found.call()
    assert [sent.to for sent in mail.outbox] == [[user.email]]
    assert OutboxMessage.objects.get().state == "sent"


def test_a_rollback_enqueues_nothing(backend: Any, news: Any) -> None:
    enqueued, user = backend(f"{BACKENDS}.Recording").enqueued, make_user()
    with transaction.atomic():
        news_for(user, news)
        transaction.set_rollback(True)
    assert enqueued == []
    with transaction.atomic(), transaction.atomic():
        news_for(user, news)
        transaction.set_rollback(True)
    assert enqueued == []
    with transaction.atomic():
        with transaction.atomic():
            news_for(user, news)
            transaction.set_rollback(True)
        news_for(user, news)
    assert len(enqueued) == 1


def test_what_needs_no_worker_wakes_none(backend: Any, make_news: Any) -> None:
    enqueued = backend(f"{BACKENDS}.Recording").enqueued
    news_for(make_user(), make_news(channels=("in_app",)))
    assert enqueued == []


@pytest.mark.parametrize("name", ["immediate.ImmediateBackend", "dummy.DummyBackend"])
def test_backends_that_work_in_place_are_left_alone(backend: Any, framework: Any, news: Any, name: str) -> None:
    backend(f"{OURS}.backends.{name}")
    news_for(make_user(), news)
    assert mail.outbox == []
    assert getattr(framework["default"], "results", []) == []
    assert OutboxMessage.objects.get().state == "pending"


@pytest.mark.parametrize("alias", ["", "no such alias"])
def test_without_a_backend_of_this_name_nothing_is_enqueued(
    backend: Any, settings: Any, news: Any, alias: str, caplog: pytest.LogCaptureFixture
) -> None:
    enqueued = backend(f"{BACKENDS}.Recording").enqueued
    settings.SHOPCORE_NOTIFICATIONS_TASK_BACKEND = alias
    news_for(make_user(), news)
    assert enqueued == []
    assert caplog.records == []


def test_the_queue_is_a_setting(backend: Any, settings: Any, news: Any) -> None:
    settings.SHOPCORE_NOTIFICATIONS_TASK_QUEUE = "mail"
    enqueued = backend(f"{BACKENDS}.Recording", QUEUES=["mail"]).enqueued
    news_for(make_user(), news)
    assert [(task.backend, task.queue_name) for task in enqueued] == [("default", "mail")]


@pytest.mark.parametrize(
    ("path", "options"),
    [(f"{BACKENDS}.Broken", {}), (f"{BACKENDS}.Recording", {"QUEUES": ["another"]}), ("no.such.Backend", {})],
    ids=["broker away", "no such queue", "no such class"],
)
def test_what_cannot_be_enqueued_is_logged_and_the_request_lives(
    backend: Any, path: str, options: Any, caplog: pytest.LogCaptureFixture
) -> None:
    backend(path, **options)
    registration = {"email": "ada@example.com", "password": "correct horse battery staple"}
    with caplog.at_level(logging.ERROR):
        assert APIClient().post("/api/v1/auth/register/", registration, format="json").status_code == 201
    assert OutboxMessage.objects.filter(state="pending").exists()
    assert [record.message for record in caplog.records if "enqueue" in record.message]


def test_a_queue_that_has_failed_is_left_alone_for_a_while(
    backend: Any, news: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = backend(f"{BACKENDS}.Broken")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            news_for(make_user(), news)
    tried = [record for record in caplog.records if "enqueue" in record.message]
    assert len(tried) == 1, "the others were not tried"
    assert [message for message in caplog.messages if message.startswith("The task backend 'default' failed (")]
    breakers.close_all()
    recording = backend(f"{BACKENDS}.Recording")
    news_for(make_user(), news)
    assert len(recording.enqueued) == 1


@pytest.mark.skipif(django.VERSION >= (6, 0), reason="Django has a task framework from 6.0 on")
def test_without_a_task_framework_messages_wait_for_the_worker(news: Any) -> None:
    assert waking.task_framework() is None
    news_for(make_user(), news)
    assert OutboxMessage.objects.get().state == "pending"
