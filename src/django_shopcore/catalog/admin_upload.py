"""A file on its way through the two steps of an import: looked at first, then carried out exactly as it was.

Nothing is kept on the server between the steps: a session or a cache entry would hold up to 20 MiB, a temporary
file is not there when another machine answers the second request. What says which file was looked at is its
digest, signed together with the user. The content goes along packed in a hidden field where it is small enough
(a CSV shrinks to a fifth, so that is up to some 50,000 products); a larger file is chosen again in the second
step and has to have the same digest.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from io import BytesIO
from typing import Any

from django import forms
from django.conf import settings
from django.core import signing
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from .conf import app_settings

SALT = "django_shopcore.catalog.import"
MAX_AGE = 3600
MAX_PACKED = 2 * 1024 * 1024
# Of a POST's fields, for all but the file: tokens and names.
RESERVE = 8 * 1024


def ticket(content: bytes, user: Any) -> str:
    """Says that ``user`` has looked at the import of ``content``."""
    return signing.dumps({"user": str(user.pk), "sha256": hashlib.sha256(content).hexdigest()}, salt=SALT)


def pack(content: bytes) -> str | None:
    """``content`` as text for a hidden field, or ``None`` when a POST could not carry it."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    room = MAX_PACKED if limit is None else min(MAX_PACKED, limit - RESERVE)
    packed = base64.b64encode(zlib.compress(content))
    return packed.decode() if len(packed) <= room else None


def unpack(packed: str) -> bytes | None:
    """What ``pack`` was given; ``None`` for anything it cannot have made. The size is bounded: it may be a bomb."""
    inflate = zlib.decompressobj()
    try:
        content = inflate.decompress(base64.b64decode(packed, validate=True), app_settings.MAX_IMPORT_BYTES)
    except (binascii.Error, zlib.error, ValueError):
        return None
    return content if inflate.eof else None


class UploadForm(forms.Form):
    required_css_class = "required"

    file = forms.FileField(
        label=_("CSV file"),
        help_text=_(
            "Our own format, as the export writes it, Shopify's product CSV, or a dump of django-oscar. UTF-8."
        ),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )

    def clean_file(self) -> Any:
        file, limit = self.cleaned_data["file"], app_settings.MAX_IMPORT_BYTES
        if file.size > limit:
            raise forms.ValidationError(
                _("The file must not be larger than %(limit)s."), "too_large", {"limit": filesizeformat(limit)}
            )
        return file

    def content(self) -> bytes:
        """The file of a valid form."""
        return bytes(self.cleaned_data["file"].read())


class ConfirmForm(UploadForm):
    """The second step: the ticket of the first, and the file, packed or chosen again."""

    ticket = forms.CharField(widget=forms.HiddenInput)
    packed = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["file"].required = False
        self.fields["file"].help_text = _("The file is too large to be kept: choose the same one again.")

    def clean_file(self) -> Any:
        return super().clean_file() if self.cleaned_data["file"] else None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        content = data["file"].read() if data["file"] else unpack(data["packed"])
        if content is None or not self._was_looked_at(data["ticket"], content):
            message = _("This is not the file you looked at, or that was over an hour ago. Start again.")
            raise forms.ValidationError(message, code="not_the_same")
        return {**data, "file": BytesIO(content)}

    def _was_looked_at(self, signed: str, content: bytes) -> bool:
        try:
            said = signing.loads(signed, salt=SALT, max_age=MAX_AGE)
        except signing.BadSignature:
            return False
        return bool(said == {"user": str(self.user.pk), "sha256": hashlib.sha256(content).hexdigest()})
