from django.db import migrations

from django_shopcore.catalog.operations import TrigramExtension, category_operations, product_operations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("shopcore_catalog", "0001_initial"), ("shopcore_core", "0003_table_versions")]

    operations = [TrigramExtension(), *category_operations("category"), *product_operations("product")]
