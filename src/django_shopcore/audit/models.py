from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .querysets import AppendOnlyError, EntryQuerySet

MAX_ACTION = 100
MAX_KEY = 200
MAX_NAME = 254
MAX_TITLE = 200
MAX_USER_AGENT = 300
MAX_REQUEST_ID = 64


class AuditEntry(models.Model):
    """One thing that somebody did. It refers to nothing: what it tells of may be gone.

    Entries are only ever added. What takes them away is the retention, what changes them is the erasure of a
    person; both go by ``upkeep``.
    """

    created_at = models.DateTimeField(_("time"), default=timezone.now)
    action = models.CharField(_("action"), max_length=MAX_ACTION)
    actor_key = models.CharField(
        _("actor's key"), max_length=MAX_KEY, blank=True, help_text=_("Blank: nobody was signed in, or a command.")
    )
    actor = models.CharField(_("actor"), max_length=MAX_NAME, blank=True, help_text=_("As it was called then."))
    object_type = models.CharField(_("kind of object"), max_length=MAX_KEY, blank=True)
    object_key = models.CharField(_("object's key"), max_length=MAX_KEY, blank=True)
    object_title = models.CharField(
        _("object"), max_length=MAX_TITLE, blank=True, help_text=_("As it was called then.")
    )
    ip_address = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    user_agent = models.CharField(_("user agent"), max_length=MAX_USER_AGENT, blank=True)
    request_id = models.CharField(_("request"), max_length=MAX_REQUEST_ID, blank=True)
    changes = models.JSONField(
        _("changes"),
        default=dict,
        blank=True,
        help_text=_("By field: the value before and after."),
    )
    data = models.JSONField(_("data"), default=dict, blank=True)

    objects: ClassVar[EntryQuerySet[Any]] = EntryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        base_manager_name = "objects"
        # Each ends in the order of the list, which is read from it without a sort.
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="shopcore_audit_latest"),
            models.Index(fields=["action", "-created_at", "-id"], name="shopcore_audit_action"),
            models.Index(fields=["actor_key", "-created_at", "-id"], name="shopcore_audit_actor"),
            models.Index(fields=["object_type", "object_key", "-created_at", "-id"], name="shopcore_audit_object"),
            models.Index(fields=["ip_address", "-created_at", "-id"], name="shopcore_audit_address"),
        ]

    def __str__(self) -> str:
        return self.action

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Adds the entry; raises ``AppendOnlyError`` for one that is there already."""
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError
