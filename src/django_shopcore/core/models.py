from django.db import models


class RateLimitWindow(models.Model):
    """One counting window of a rate limit, for sites without a shared cache."""

    key = models.CharField(max_length=200, primary_key=True)
    count = models.PositiveIntegerField()
    ends_at = models.FloatField(db_index=True, help_text="Seconds since the epoch.")

    class Meta:
        verbose_name = "rate limit window"

    def __str__(self) -> str:
        return self.key


class PeriodicRun(models.Model):
    """When a piece of periodic work is due next; see ``periodic``."""

    name = models.CharField(max_length=100, primary_key=True)
    next_at = models.DateTimeField()

    class Meta:
        verbose_name = "periodic run"

    def __str__(self) -> str:
        return self.name
