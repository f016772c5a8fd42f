from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from django_shopcore.notifications.kinds import NotificationKind, register, unregister
from tests.factories.accounts import AdminFactory, UserFactory
from tests.fixtures import anonymous, client_of

__all__ = ["anonymous"]


@pytest.fixture
def user(db: None) -> Any:
    return UserFactory()


@pytest.fixture
def admin(db: None) -> Any:
    return AdminFactory()


@pytest.fixture
def client(user: Any) -> APIClient:
    """Requests of ``user``."""
    return client_of(user)


@pytest.fixture
def declare() -> Iterator[Callable[..., NotificationKind]]:
    """Declares a notification of this name for the time of the test."""
    names = []

    def declare(name: str, **declaration: Any) -> NotificationKind:
        names.append(name)
        defaults = {"title": f"The {name}", "event": None, "messages": lambda: ()}
        return register(NotificationKind(name=name, **{**defaults, **declaration}))

    yield declare
    for name in names:
        unregister(name)


@pytest.fixture
def scripted(settings: Any) -> Any:
    """The class of the one channel there is, to be told what it does."""
    from tests.notifications.scripted import Scripted  # not in every project there are models to import

    settings.SHOPCORE_NOTIFICATIONS_CHANNELS = [f"{Scripted.__module__}.{Scripted.__name__}"]
    Scripted.before = Scripted.after = staticmethod(lambda delivery: None)
    return Scripted


@pytest.fixture
def site_templates(settings: Any, tmp_path: Path) -> Callable[[str, str], None]:
    """Writes a template of the site's, by its name below ``shopcore/notifications/``."""
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]

    def write(name: str, content: str) -> None:
        path = tmp_path / "shopcore" / "notifications" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    return write


NEWS = {
    "subject.txt": "{% autoescape off %}News: {{ title }}{% endautoescape %}",
    "body.txt": '{% extends "shopcore/notifications/base.txt" %}{% block content %}{{ title }}{% endblock %}',
    "body.html": '{% extends "shopcore/notifications/base.html" %}{% block content %}<p>{{ title }}</p>{% endblock %}',
    "message.txt": "{% autoescape off %}News: {{ title }}{% endautoescape %}",
}


@pytest.fixture
def make_news(
    declare: Callable[..., NotificationKind], site_templates: Callable[[str, str], None]
) -> Callable[..., NotificationKind]:
    """Declares the notification ``news`` with templates that show the message's ``title``."""
    for part, content in NEWS.items():
        site_templates(f"news/{part}", content)
    return partial(declare, "news")


@pytest.fixture
def news(make_news: Callable[..., NotificationKind]) -> NotificationKind:
    """A notification like most: by mail and in the inbox."""
    return make_news()
