from django.db import migrations

from django_shopcore.core.tracking import TrackTable


class Migration(migrations.Migration):
    dependencies = [("extras", "0001_initial"), ("shopcore_core", "0003_table_versions")]

    operations = [TrackTable("spec"), TrackTable("display")]
