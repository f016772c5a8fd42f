from django.conf import settings
from django.db import models

ON_DELETE = models.CASCADE


class Spec(models.Model):
    """Beside the product; its name in the API is another one than that of the relation."""

    product = models.OneToOneField(
        settings.SHOPCORE_CATALOG_PRODUCT_MODEL, ON_DELETE, related_name="sheet", related_query_name="sheet_of"
    )
    weight = models.PositiveIntegerField()
    colour = models.CharField(max_length=40, blank=True, default="")
    volume = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    barcode = models.CharField(max_length=40, null=True, blank=True, unique=True)
    checked_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.weight} g"


class Display(models.Model):
    """Beside the category, by whose key it is known."""

    category = models.OneToOneField(settings.SHOPCORE_CATALOG_CATEGORY_MODEL, ON_DELETE, primary_key=True)
    banner = models.CharField(max_length=40)

    def __str__(self) -> str:
        return self.banner


class Profile(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, ON_DELETE)
    phone = models.CharField(max_length=40)
    credit = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.phone
