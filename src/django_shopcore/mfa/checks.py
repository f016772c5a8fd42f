from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from . import passkeys

PACKAGES = ("cryptography", "pyotp", "webauthn")


@register(Tags.security)
def check_packages(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E401: a package of the extra is missing."""
    hint = 'pip install "django-shopcore[mfa]"'
    return [
        Error(f"django_shopcore.mfa needs the package {name}.", hint=hint, id="shopcore.E401")
        for name in PACKAGES
        if find_spec(name) is None
    ]


@register(Tags.security)
def check_address(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W401: passkeys have no domain."""
    if passkeys.are_possible():
        return []
    hint = "Set SHOPCORE_SITE_URL, such as https://shop.example, or SHOPCORE_MFA_RP_ID and SHOPCORE_MFA_ORIGINS."
    return [Warning("Passkeys are refused: the site has no address.", hint=hint, id="shopcore.W401")]


@register(Tags.security, deploy=True)
def check_admin_site(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W402: a password alone opens Django's admin site."""
    if not apps.is_installed("django.contrib.admin"):
        return []
    from django.contrib.admin import site

    from .admin_site import MfaAdminSiteMixin

    if isinstance(site, MfaAdminSiteMixin):
        return []
    hint = "Put django_shopcore.mfa.admin_apps.MfaAdminConfig in the place of django.contrib.admin in INSTALLED_APPS."
    return [Warning("A password alone opens the admin site.", hint=hint, id="shopcore.W402")]
