"""A mail whose links survive Python's folding of headers."""

from __future__ import annotations

import email.policy
from email.headerregistry import HeaderRegistry, UnstructuredHeader
from typing import Any

import django
from django.core.mail import EmailMultiAlternatives


class Mail(EmailMultiAlternatives):
    """Django's, with ``List-Unsubscribe`` on one line.

    From Django 6.0 on, Python folds headers at 78 characters. What has no space before that, such as a link,
    it turns into encoded words, and mail programs do not take those for a link.
    """

    def message(self, **options: Any) -> Any:
        if django.VERSION >= (6, 0):
            policy: Any = options.get("policy", email.policy.default)
            options["policy"] = policy.clone(header_factory=HEADERS)
        return super().message(**options)


class OneLineHeader(UnstructuredHeader):
    def fold(self, *, policy: Any) -> str:
        return f"{self.name}: {self}{policy.linesep}"  # type: ignore[attr-defined]


HEADERS: Any = HeaderRegistry()
HEADERS.map_to_type("list-unsubscribe", OneLineHeader)
