from django.db import migrations

from django_shopcore.catalog.operations import product_operations
from django_shopcore.core.tracking import TrackTable


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("boutique", "0001_initial"), ("shopcore_catalog", "0002_database")]

    operations = [*product_operations("product"), TrackTable("maker")]
