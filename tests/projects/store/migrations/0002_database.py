from django.db import migrations

from django_shopcore.catalog.operations import product_operations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("store", "0001_initial"), ("shopcore_catalog", "0002_database")]

    operations = [*product_operations("product")]
