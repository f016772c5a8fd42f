"""Writes in one transaction, with the database as referee."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import IntegrityError, models, router, transaction
from django.db.models.deletion import ProtectedError, RestrictedError
from django.utils.translation import gettext as _

from .errors import Conflict
from .locking import take_write_lock


@contextmanager
def atomic_write(model: type[models.Model], recheck: Callable[[], object] | None = None) -> Iterator[None]:
    """A transaction on ``model``'s database that turns a lost race into an answer.

    Where a constraint fails although the input was checked, another request came first: ``recheck`` runs
    the checks again on what is there now and raises their error; without one, or when it finds nothing,
    ``Conflict`` (409). Deferred constraints fail at the commit, which is inside.
    """
    try:
        with transaction.atomic(using=router.db_for_write(model)):
            take_write_lock(model)
            yield
    except (ProtectedError, RestrictedError) as exc:
        raise Conflict(_("Other objects still refer to it."), code="in_use") from exc
    except IntegrityError as exc:
        if recheck is not None:
            recheck()
        raise Conflict(_("Another request changed the data at the same time. Try again.")) from exc
