from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from django_shopcore.core.conf import Setting, SettingsGroup, boolean, positive_int, rate, text, words
from django_shopcore.core.links import site_url


class MfaSettings(SettingsGroup, prefix="SHOPCORE_MFA_"):
    REQUIRED_FOR_ADMINS = Setting(
        False,
        boolean,
        "Whether an admin needs a second factor. One without may sign in, and has the rights of a customer until it is "
        "set up.",
    )
    CHALLENGE_LIFETIME = Setting(300, positive_int, "Seconds between the password and the second factor at most.")
    CHALLENGE_ATTEMPTS = Setting(5, positive_int, "Attempts at a second factor before the password is asked again.")
    CODE_RATE = Setting[str | None](
        "20/h",
        rate,
        "Wrong codes of the authenticator app per account. Recovery codes and passkeys go on working above it: a thief "
        "of the password cannot lock the owner out.",
    )
    LOGIN_RATE = Setting[str | None]("20/m", rate, "Second steps of a sign-in per client.")
    RECOVERY_CODES = Setting(10, positive_int, "How many recovery codes there are in a set.")
    ISSUER = Setting("", text, "The site's name in authenticator apps; without it the host of `SHOPCORE_SITE_URL`.")
    RP_ID = Setting(
        "",
        text,
        "The domain that passkeys belong to; without it the host of `SHOPCORE_SITE_URL`. With another one the passkeys "
        "there are stop working.",
    )
    ORIGINS = Setting[list[str]](
        [],
        words,
        "Where the front end runs, as `https://shop.example`: what a browser says of a passkey's page. Without it that "
        "of `SHOPCORE_SITE_URL`.",
    )


app_settings = MfaSettings()


def rp_id() -> str:
    """The domain of passkeys, from settings only; ``""`` where there is none."""
    return app_settings.RP_ID or _site().hostname or ""


def origins() -> list[str]:
    """The origins that an assertion may come from, from settings only."""
    if app_settings.ORIGINS:
        return [origin.rstrip("/") for origin in app_settings.ORIGINS]
    parts = _site()
    return [f"{parts.scheme}://{parts.netloc}"] if parts.netloc else []


def issuer() -> str:
    return app_settings.ISSUER or _site().hostname or "shop"


def _site() -> SplitResult:
    """The site's address; an empty one where the setting is none, which a check of its own reports."""
    try:
        return urlsplit(site_url())
    except (AttributeError, ValueError):
        return urlsplit("")
