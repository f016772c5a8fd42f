"""Names that somebody typed to sign in: what is kept of them tells nobody what they were."""

from __future__ import annotations

from django.utils.crypto import salted_hmac

from .recording import Line

KIND = "name"


def name_hash(name: str) -> str:
    """The same for the same name in any case, and of no use without the site's secret key."""
    return salted_hmac("django_shopcore.audit.name", name.strip().lower(), algorithm="sha256").hexdigest()[:32]


def line_of_name(name: str, **data: object) -> Line:
    """Of a name that may be nobody's, or a password in the wrong field."""
    return Line(type=KIND, key=name_hash(name), data=data)
