import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import django_shopcore.accounts.addresses
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='User',
            fields=[
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(error_messages={'unique': 'There is an account with this address already.'}, help_text='Stored in lower case.', max_length=254, unique=True, validators=[django_shopcore.accounts.addresses.StrictEmailValidator()], verbose_name='email address')),
                ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                ('is_staff', models.BooleanField(db_column='is_admin', default=False, help_text='May manage the shop and enter this admin site.', verbose_name='admin')),
                ('is_active', models.BooleanField(default=True, help_text='Switch this off instead of deleting an account.', verbose_name='active')),
                ('email_verified', models.BooleanField(default=False, verbose_name='email verified')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='created')),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
                'abstract': False,
                'swappable': 'AUTH_USER_MODEL',
                'indexes': [models.Index(fields=['-created_at', '-id'], name='shopcore_ac_created_3f5cb6_idx')],
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('email'), name='shopcore_accounts_user_email_ci', violation_error_message='There is an account with this address already.')],
            },
        ),
        migrations.CreateModel(
            name='Session',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('refresh_hash', models.CharField(help_text='SHA-256 of the current refresh token.', max_length=64, unique=True)),
                ('spent', models.JSONField(default=dict, help_text='Digests of refresh tokens that were spent just now, and when (epoch seconds).')),
                ('auth_hash', models.CharField(help_text='Stands for the password at sign-in: another one ends the session.', max_length=128)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='created')),
                ('last_used_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='last used')),
                ('rotated_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='refreshed')),
                ('expires_at', models.DateTimeField(db_index=True, verbose_name='expires')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended')),
                ('ip_address', models.GenericIPAddressField(blank=True, null=True, verbose_name='IP address')),
                ('user_agent', models.CharField(blank=True, max_length=300, verbose_name='user agent')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='shopcore_sessions', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
                'indexes': [models.Index(condition=models.Q(('ended_at__isnull', False)), fields=['ended_at'], name='shopcore_session_ended')],
            },
        ),
    ]
