"""The demo's worker: a thread of its server. A real site runs ``manage.py shopcore_deliver``."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django_shopcore.notifications.worker import Worker

logger = logging.getLogger(__name__)

PAUSE = 10.0  # seconds before it starts again after something unforeseen


@contextmanager
def delivery() -> Iterator[None]:
    """Delivers notifications in a thread meanwhile; at the end the message at hand is finished."""
    stop = threading.Event()
    thread = threading.Thread(target=_deliver, args=(stop,), name="delivery", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5)


def _deliver(stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            Worker(stop=stop).run()
        except Exception:  # what runs beside a server has nobody else to start it again
            logger.exception("The delivery of notifications failed; it starts again in %d seconds.", PAUSE)
            stop.wait(PAUSE)
