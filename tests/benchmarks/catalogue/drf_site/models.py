from django.db import models


class Category(models.Model):
    name = models.CharField(max_length=255)

    class Meta:
        managed = False
        db_table = "shopcore_catalog_category"


class Product(models.Model):
    name = models.CharField(max_length=255)
    slug = models.SlugField(unique=True)
    sku = models.CharField(max_length=255, null=True)  # noqa: DJ001 - so it is in the table
    description = models.TextField()
    price = models.DecimalField(max_digits=12, decimal_places=2)
    compare_at_price = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    currency = models.CharField(max_length=3)
    category = models.ForeignKey(Category, on_delete=models.PROTECT)
    in_stock = models.BooleanField()
    is_published = models.BooleanField()
    image_url = models.URLField(null=True)  # noqa: DJ001 - so it is in the table
    metadata = models.JSONField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "shopcore_catalog_product"
        ordering = ["-created_at", "-id"]
