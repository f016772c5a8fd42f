"""The site's periodic work in the soak's own time."""

from __future__ import annotations

from datetime import timedelta

from django.apps import AppConfig
from django.conf import settings

from .pace import Pace


class HurryConfig(AppConfig):
    name = "tests.soak"
    label = "soak"

    def ready(self) -> None:
        from django_shopcore.accounts import signin
        from django_shopcore.core import periodic

        if "replay" in settings.SOAK_TROUBLES:
            signin._refuse_spent = lambda pk, presented: None
        if "rows" in settings.SOAK_TROUBLES:
            return
        pace: Pace = settings.PACE
        for task in periodic.tasks():
            periodic.register(task.name, every=min(task.every, timedelta(seconds=pace.prune)), run=task.run)
