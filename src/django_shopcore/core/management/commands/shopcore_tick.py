from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_shopcore.core import periodic


class Command(BaseCommand):
    help = (
        "Does the periodic work that is due, such as pruning, and exits. For cron, in sites that do not run "
        "shopcore_deliver, which does the same. However often it is called, each piece of work keeps its period."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        results = periodic.run_due()
        for name, went_well in results.items():
            self.stdout.write(f"{name}: {'done' if went_well else 'failed'}")
        failed = [name for name, went_well in results.items() if not went_well]
        if failed:
            raise CommandError(f"Failed, see the log: {', '.join(failed)}")
