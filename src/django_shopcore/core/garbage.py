"""Work that makes many objects, and Python's collector of garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# More frozen objects than a Python has that has just started: somebody has frozen an application.
APPLICATION = 20_000


@contextmanager
def few_collections() -> Iterator[None]:
    """Until the end, the collector leaves alone what is there already (https://docs.python.org/3/library/gc.html#gc.freeze).

    Otherwise it looks through the whole process again and again, for a quarter of the time that such work takes, and
    finds nothing. A site that has frozen its processes itself is left as it is.
    """
    if gc.get_freeze_count() > APPLICATION:
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
