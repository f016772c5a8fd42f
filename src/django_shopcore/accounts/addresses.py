"""E-mail addresses as identities: one spelling for each, and none that two people could claim."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy as _

MAX_LENGTH = 254


def normalise_email(value: str | None) -> str:
    """The spelling that is stored and looked up: stripped, all of it in lower case."""
    return (value or "").strip().lower()


class StrictEmailValidator(EmailValidator):
    """Django's validator, for an ASCII name before the ``@``.

    Django ignores case there, and by Unicode's rules a long s or a Kelvin sign is another spelling of ``s``
    or ``k``: two addresses that look alike, of which a mail server knows one.
    """

    message = _("Enter a valid email address.")

    def __call__(self, value: str | None) -> None:
        super().__call__(value)
        if not str(value).rpartition("@")[0].isascii():
            raise ValidationError(self.message, code=self.code, params={"value": value})


validate_address = StrictEmailValidator()
