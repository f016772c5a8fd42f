"""In ``INSTALLED_APPS`` in the place of ``django.contrib.admin``: the admin site with a second factor."""

from django.contrib.admin import apps


class MfaAdminConfig(apps.AdminConfig):
    default = False
    default_site = "django_shopcore.mfa.admin_site.MfaAdminSite"
