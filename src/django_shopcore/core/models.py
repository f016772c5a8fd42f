from django.db import models
from django.utils.translation import gettext_lazy as _


class RateLimitWindow(models.Model):
    """One counting window of a rate limit, or something to be remembered until ``ends_at``; see ``counting``."""

    key = models.CharField(max_length=200, primary_key=True)
    count = models.PositiveIntegerField()
    ends_at = models.FloatField(db_index=True, help_text=_("Seconds since the epoch."))

    class Meta:
        verbose_name = _("rate limit window")

    def __str__(self) -> str:
        return self.key


class PeriodicRun(models.Model):
    """When a piece of periodic work is due next; see ``periodic``."""

    name = models.CharField(max_length=100, primary_key=True)
    next_at = models.DateTimeField()

    class Meta:
        verbose_name = _("periodic run")

    def __str__(self) -> str:
        return self.name


class TableVersion(models.Model):
    """What state a table is in: triggers give it another ``token`` with every change; see ``tracking``.

    ``total`` and ``visible`` count the table's rows, so that nobody else has to.
    """

    table = models.CharField(max_length=100, primary_key=True)
    token = models.CharField(max_length=36)
    total = models.BigIntegerField(default=0)
    visible = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("table version")

    def __str__(self) -> str:
        return self.table


class TableChange(models.Model):
    """A change that becomes a new ``TableVersion`` when its transaction commits (PostgreSQL only).

    The version's row would otherwise be locked from the first write of a transaction to its end, and all
    writers would have to queue. No row of this table is ever visible to anybody.
    """

    id = models.BigAutoField(primary_key=True)
    table = models.CharField(max_length=100)
    total = models.BigIntegerField(null=True)
    visible = models.BigIntegerField(null=True)
    # Of a transaction's sum: whether it says what there is, and not what came. NULL: a part of the sum.
    is_whole = models.BooleanField(null=True)

    class Meta:
        verbose_name = _("table change")

    def __str__(self) -> str:
        return self.table
