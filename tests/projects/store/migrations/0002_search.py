from django.db import migrations

from django_shopcore.catalog.operations import SearchIndex, TrigramExtension


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("store", "0001_initial")]

    operations = [TrigramExtension(), SearchIndex("product")]
