from django.db import migrations, models

from django_shopcore.core.tracking import PublishChanges


class Migration(migrations.Migration):

    dependencies = [
        ('shopcore_core', '0002_periodic_run'),
    ]

    operations = [
        migrations.CreateModel(
            name='TableChange',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('table', models.CharField(max_length=100)),
                ('total', models.BigIntegerField(null=True)),
                ('visible', models.BigIntegerField(null=True)),
                ('is_whole', models.BooleanField(null=True)),
            ],
            options={
                'verbose_name': 'table change',
            },
        ),
        migrations.CreateModel(
            name='TableVersion',
            fields=[
                ('table', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('token', models.CharField(max_length=36)),
                ('total', models.BigIntegerField(default=0)),
                ('visible', models.BigIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'table version',
            },
        ),
        PublishChanges('TableChange'),
    ]
