"""Who is told."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from django_shopcore.core.users import active_admins, email_of, fresh_users

from .conf import app_settings
from .kinds import Message

MAX_NAME = 60
# Mail programs turn these into links.
LOOKS_LIKE_A_LINK = re.compile(r"[/\\@]|\w\.\w{2,}")


def admin_messages(data: Mapping[str, Any], key: str = "") -> list[Message]:
    """A message for each active admin, and for each address of ``SHOPCORE_NOTIFICATIONS_ADMIN_EMAILS``."""
    admins = list(fresh_users().filter(active_admins()))
    own = {email_of(user).strip().lower() for user in admins}
    others = dict.fromkeys(address.strip().lower() for address in app_settings.ADMIN_EMAILS)
    return [
        *(Message(user=user, data=data, key=key) for user in admins),
        *(Message(address=address, data=data, key=key) for address in others if address and address not in own),
    ]


def one_line(text: Any) -> str:
    """``text`` without line breaks and control characters: safe in a header, harmless in a plain text."""
    cleaned = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in str(text))
    return " ".join(cleaned.split())


def greeting_name(user: Any) -> str:
    """What a mail calls ``user``; ``""`` without a name.

    Whoever registers somebody else's address chooses the name too, so one that would become a link is not used.
    """
    name = one_line(getattr(user, "first_name", "") or "")[:MAX_NAME]
    return "" if LOOKS_LIKE_A_LINK.search(name) else name
