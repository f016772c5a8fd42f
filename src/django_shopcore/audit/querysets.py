"""The vocabulary of reading the log, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from django.db import models, router

if TYPE_CHECKING:
    from .models import AuditEntry

E = TypeVar("E", bound="AuditEntry")


class AppendOnlyError(TypeError):
    """An entry of the audit log was to be changed or deleted."""

    def __init__(self) -> None:
        super().__init__("Entries of the audit log are not changed and not deleted.")


class EntryQuerySet(models.QuerySet[E]):
    """Reads and adds. Whatever changes or deletes raises ``AppendOnlyError``."""

    def fresh(self) -> EntryQuerySet[E]:
        """From the database that is written to."""
        return self.using(router.db_for_write(self.model))

    def by(self, user_key: Any) -> EntryQuerySet[E]:
        """What a user did."""
        return self.filter(actor_key=str(user_key))

    def about(self, object_type: str, *keys: Any) -> EntryQuerySet[E]:
        """What was done to objects of a kind, all or those with these keys."""
        found = self.filter(object_type=object_type)
        return found.filter(object_key__in=[str(key) for key in keys]) if keys else found

    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError

    async def aupdate(self, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError

    async def abulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        raise AppendOnlyError

    async def adelete(self) -> NoReturn:
        raise AppendOnlyError

    def update_or_create(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError

    async def aupdate_or_create(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> Any:
        # With update_conflicts, positional or named, it would be an update.
        if args[2:3] not in ((), (False,)) or kwargs.get("update_conflicts"):
            raise AppendOnlyError
        return super().bulk_create(objs, *args, **kwargs)
