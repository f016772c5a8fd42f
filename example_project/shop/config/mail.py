"""``EMAIL_URL``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote, urlsplit

import django

Settings = dict[str, Any]

EXPECTED = "expected smtp://user:password@host:port, smtp+tls://…, console:, file:///folder or mailgun://KEY@DOMAIN"
TIMEOUT = 10  # seconds
# A domain lives in one of Mailgun's two regions, and the other does not know it.
MAILGUN = {"mailgun": "https://api.mailgun.net/v3", "mailgun+eu": "https://api.eu.mailgun.net/v3"}
DEFAULT_PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}
# Django 6.1 replaced a setting for each option by one dictionary, and warns about the old ones.
OLD_NAMES = {
    "host": "EMAIL_HOST",
    "port": "EMAIL_PORT",
    "username": "EMAIL_HOST_USER",
    "password": "EMAIL_HOST_PASSWORD",
    "use_tls": "EMAIL_USE_TLS",
    "use_ssl": "EMAIL_USE_SSL",
    "timeout": "EMAIL_TIMEOUT",
    "file_path": "EMAIL_FILE_PATH",
}


def mail_settings(text: str) -> Settings:
    """Django's settings for the URL, in the form that this Django wants."""
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        raise ValueError(EXPECTED) from None
    if url.scheme == "console":
        return _mailer("django.core.mail.backends.console.EmailBackend")
    if url.scheme == "file" and not url.netloc and url.path.strip("/"):
        return _mailer("django.core.mail.backends.filebased.EmailBackend", file_path=unquote(url.path))
    if url.scheme in DEFAULT_PORTS and host and not url.path.strip("/"):
        options: Settings = {"host": host, "port": port or DEFAULT_PORTS[url.scheme], "timeout": TIMEOUT}
        if url.username:
            options |= {"username": unquote(url.username), "password": unquote(url.password or "")}
        if url.scheme != "smtp":
            options[f"use_{url.scheme[-3:]}"] = True
        return _mailer("django.core.mail.backends.smtp.EmailBackend", **options)
    if url.scheme in MAILGUN and url.username and host:
        return _mailgun(MAILGUN[url.scheme], unquote(url.username), host)
    raise ValueError(EXPECTED)


def _mailgun(api: str, key: str, domain: str) -> Settings:
    if find_spec("anymail") is None:
        raise ValueError("Mailgun needs django-anymail: pip install 'django-shopcore[mail]'")
    options = {
        "MAILGUN_API_KEY": key,
        "MAILGUN_API_URL": api,
        "MAILGUN_SENDER_DOMAIN": domain,
        "REQUESTS_TIMEOUT": TIMEOUT,
    }
    return {**_mailer("anymail.backends.mailgun.EmailBackend"), "ANYMAIL": options}


def _mailer(backend: str, **options: Any) -> Settings:
    if django.VERSION >= (6, 1):
        return {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
    return {"EMAIL_BACKEND": backend, **{OLD_NAMES[name]: value for name, value in options.items()}}
