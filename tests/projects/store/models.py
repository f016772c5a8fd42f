import uuid

from django.db import models

from django_shopcore.catalog.abstract_models import AbstractProduct


class Product(AbstractProduct):
    """The host's Product: another kind of key, a required and an optional column more."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    warranty_months = models.PositiveIntegerField(default=24)
    colour = models.CharField(max_length=40, null=True, blank=True)  # noqa: DJ001 - an optional column

    class Meta(AbstractProduct.Meta):
        pass
