from django.db import models

from django_shopcore.catalog.abstract_models import AbstractCategory, AbstractProduct


class Category(AbstractCategory):
    shelf = models.CharField(max_length=10, blank=True, default="")

    class Meta(AbstractCategory.Meta):
        pass


class Product(AbstractProduct):
    weight = models.PositiveIntegerField(default=0)

    class Meta(AbstractProduct.Meta):
        pass
