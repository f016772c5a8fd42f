from django.conf import settings
from django.db import models

from django_shopcore.catalog.abstract_models import AbstractProduct


class Maker(models.Model):
    name = models.CharField(max_length=100, unique=True)

    def __str__(self) -> str:
        return self.name


class Product(AbstractProduct):
    """The host's Product: columns that must be given, one that may be, and further foreign keys."""

    maker = models.ForeignKey(Maker, on_delete=models.PROTECT, related_name="products")
    unit = models.CharField(max_length=20)
    colour = models.CharField(max_length=40, blank=True, default="")
    second_category = models.ForeignKey(
        settings.SHOPCORE_CATALOG_CATEGORY_MODEL,
        on_delete=models.SET_NULL,
        related_name="also_products",
        null=True,
        blank=True,
    )

    class Meta(AbstractProduct.Meta):
        pass
