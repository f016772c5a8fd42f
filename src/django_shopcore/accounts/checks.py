from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from jwt.algorithms import has_crypto, requires_cryptography

from django_shopcore.core.users import column

from .conf import MANDATORY, AccountsSettings, app_settings
from .keyring import SYMMETRIC
from .limits import ADDRESS_MAIL
from .tokens import jwt_setting
from .users import VERIFIED

SHORTEST_PASSWORD = 8


@register(Tags.security)
def check_tokens(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E201: a signing key that is too short. E203: an algorithm that signs nothing. E204: a key is missing."""
    algorithm = jwt_setting("ALGORITHM")
    if algorithm in SYMMETRIC:
        return _check_secret(algorithm)
    if algorithm not in requires_cryptography:
        hint = "Use HS256 or RS256."
        message = f"SIMPLE_JWT['ALGORITHM'] is {algorithm!r}, which signs nothing."
        return [Error(message, hint=hint, id="shopcore.E203")]
    missing = [name for name in ("SIGNING_KEY", "VERIFYING_KEY") if not jwt_setting(name)]
    if missing:
        hint = "It needs a private key to sign with and the public key of that, both as PEM."
        return [Error(f"{algorithm} needs SIMPLE_JWT[{name!r}].", hint=hint, id="shopcore.E204") for name in missing]
    if not has_crypto:
        hint = "pip install django-shopcore[rs256]"
        return [Error(f"{algorithm} needs the package cryptography.", hint=hint, id="shopcore.E204")]
    return []


def _check_secret(algorithm: str) -> list[CheckMessage]:
    key, least = jwt_setting("SIGNING_KEY"), SYMMETRIC[algorithm]
    length = len(key.encode() if isinstance(key, str) else key or b"")
    if length >= least:
        return []
    return [
        Error(
            f"The key that signs tokens has {length} bytes; {algorithm} needs at least {least}.",
            hint="Set SIMPLE_JWT['SIGNING_KEY'] to a long random text: who guesses it is anybody.",
            id="shopcore.E201",
        )
    ]


@register(Tags.security)
def check_passwords(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W208: passwords may be shorter than NIST SP 800-63B wants the shortest to be."""
    least = app_settings.PASSWORD_MIN_LENGTH
    if not AccountsSettings.PASSWORD_MIN_LENGTH.kind.accepts(least) or least >= SHORTEST_PASSWORD:
        return []
    hint = f"Set SHOPCORE_ACCOUNTS_PASSWORD_MIN_LENGTH to {SHORTEST_PASSWORD} or more; 10 is the default."
    return [Warning(f"Passwords may have {least} characters.", hint=hint, id="shopcore.W208")]


@register(Tags.models)
def check_user_model(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E202: a user model without an e-mail field."""
    try:
        model: Any = get_user_model()
        model._meta.get_field(model.get_email_field_name())
    except ImproperlyConfigured:
        return []  # Django reports it
    except (AttributeError, FieldDoesNotExist):
        hint = "Accounts sign in by e-mail: add an EmailField and name it in EMAIL_FIELD."
        return [Error("AUTH_USER_MODEL has no e-mail field.", hint=hint, id="shopcore.E202")]
    return []


@register(Tags.security)
def check_mail_limits(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W010: who has had the last mail of a window may be left without a link that works, by whoever asked for it."""
    rate = ADDRESS_MAIL.rate()
    if rate is None:
        return []
    names = [AccountsSettings.PASSWORD_RESET_TIMEOUT, AccountsSettings.EMAIL_LINK_TIMEOUT]
    hint = "Shorten its time, or let the links live longer: a stranger who keeps asking keeps somebody from a link."
    return [
        Warning(f"{ADDRESS_MAIL.setting.name} is over a longer time than {name.name}.", hint=hint, id="shopcore.W010")
        for name in names
        if rate[1] > name.value()
    ]


@register()
def check_verification(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E205, E206: verification is mandatory where nobody could ever verify an address."""
    if app_settings.EMAIL_VERIFICATION != MANDATORY:
        return []
    messages: list[CheckMessage] = []
    setting = 'SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION is "mandatory"'
    try:
        has_column = column(VERIFIED) is not None
    except ImproperlyConfigured:
        has_column = True  # there is no user model at all, which Django reports
    if not has_column:
        hint = f"Add a BooleanField {VERIFIED} to it, or set the setting to none."
        messages.append(Error(f"{setting}, and AUTH_USER_MODEL has no {VERIFIED}.", hint=hint, id="shopcore.E205"))
    if not apps.is_installed("django_shopcore.notifications"):
        hint = "Add it to INSTALLED_APPS: without the mail nobody can register."
        text = f"{setting}, and django_shopcore.notifications is not installed."
        messages.append(Error(text, hint=hint, id="shopcore.E206"))
    return messages
