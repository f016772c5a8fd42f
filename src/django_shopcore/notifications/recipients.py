"""Who is told."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from django_shopcore.core.access import active_admins
from django_shopcore.core.users import email_of, fresh_users

from .conf import app_settings
from .kinds import Message

MAX_NAME = 60
# Mail programs turn these into links. The dots are those that browsers take for one.
LOOKS_LIKE_A_LINK = re.compile(r"[/\\@]|\w[.\u3002]\w{2,}")
JOINERS = "\u200c\u200d"  # Persian, Indic scripts and emoji are not written without them


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
    """``text`` without line breaks, control characters and invisible ones: safe in a header and a plain text."""
    return " ".join("".join(map(_visible, str(text))).split())


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "Z" or category == "Cc":
        return " "
    # Among the format characters are those that turn the direction of what follows.
    return "" if category in ("Cf", "Cs") and character not in JOINERS else character


def greeting_name(user: Any) -> str:
    """What a mail calls ``user``; ``""`` without a name.

    Whoever registers somebody else's address chooses the name too, so one that would become a link is not used.
    """
    name = one_line(getattr(user, "first_name", "") or "")[:MAX_NAME]
    as_read = unicodedata.normalize("NFKC", re.sub(f"[{JOINERS}]", "", name))
    return "" if LOOKS_LIKE_A_LINK.search(as_read) else name
