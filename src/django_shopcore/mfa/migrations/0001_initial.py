import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('shopcore_accounts', '0002_pending_registration'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='VerifiedSession',
            fields=[
                ('session', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='shopcore_accounts.session', verbose_name='session')),
                ('method', models.CharField(max_length=20, verbose_name='method')),
                ('verified_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='verified')),
            ],
            options={
                'verbose_name': 'verified session',
                'verbose_name_plural': 'verified sessions',
            },
        ),
        migrations.CreateModel(
            name='Challenge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('login', 'Sign in'), ('prove', 'Change the second factor'), ('register', 'Add a passkey')], max_length=10, verbose_name='purpose')),
                ('digest', models.CharField(help_text='SHA-256 of what the client holds.', max_length=64, unique=True)),
                ('auth_hash', models.CharField(help_text='Stands for the password at its time: another one makes it useless.', max_length=128)),
                ('passkey_challenge', models.BinaryField(default=b'', help_text='What a passkey has to sign.')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='created')),
                ('expires_at', models.DateTimeField(db_index=True, verbose_name='expires')),
                ('used_at', models.DateTimeField(blank=True, null=True, verbose_name='used')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'challenge',
                'verbose_name_plural': 'challenges',
            },
        ),
        migrations.CreateModel(
            name='Passkey',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('credential_id', models.CharField(editable=False, help_text='In base64url.', max_length=1400, unique=True)),
                ('public_key', models.BinaryField()),
                ('sign_count', models.BigIntegerField(default=0, editable=False)),
                ('transports', models.JSONField(default=list, editable=False)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='created')),
                ('last_used_at', models.DateTimeField(blank=True, null=True, verbose_name='last used')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='shopcore_passkeys', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'passkey',
                'verbose_name_plural': 'passkeys',
            },
        ),
        migrations.CreateModel(
            name='TotpDevice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('secret', models.CharField(blank=True, editable=False, max_length=400)),
                ('last_step', models.BigIntegerField(default=0, editable=False, help_text='Time step of the last code: it and earlier ones do not work again.')),
                ('enabled_at', models.DateTimeField(blank=True, null=True, verbose_name='enabled')),
                ('last_used_at', models.DateTimeField(blank=True, null=True, verbose_name='last used')),
                ('pending_secret', models.CharField(blank=True, editable=False, max_length=400)),
                ('pending_until', models.DateTimeField(blank=True, null=True, verbose_name='to be confirmed until')),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='shopcore_totp', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'authenticator app',
                'verbose_name_plural': 'authenticator apps',
            },
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(editable=False, help_text='SHA-256 of the code.', max_length=64)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='created')),
                ('used_at', models.DateTimeField(blank=True, null=True, verbose_name='used')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='shopcore_recovery_codes', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'recovery code',
                'verbose_name_plural': 'recovery codes',
                'constraints': [models.UniqueConstraint(fields=('user', 'digest'), name='shopcore_mfa_recovery_code_once')],
            },
        ),
    ]
