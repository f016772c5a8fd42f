from django.db import migrations

from django_shopcore.catalog.operations import category_operations, product_operations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("goods", "0001_initial"), ("shopcore_catalog", "0002_database")]

    operations = [*category_operations("category"), *product_operations("product")]
