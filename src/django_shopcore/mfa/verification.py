"""Whether a session has shown a second factor, and what an admin's may not do without.

Two kinds of sessions: those of the accounts feature, which have a row, and Django's own, which carry a mark.
"""

from __future__ import annotations

import time
from typing import Any

from django.db import router
from django.utils.translation import gettext as _

from django_shopcore.accounts.models import Session
from django_shopcore.core.access import Refusal, withhold_role

from . import factors
from .conf import app_settings
from .models import VerifiedSession

PASSED = "_shopcore_mfa_passed"  # an attribute of a request: the key of who has just shown a factor
MARK = "shopcore_mfa"  # in Django's session: who has, and when


def guard(request: Any) -> None:
    """Withholds the role admin of a request's user until the session has shown a second factor, where it must."""
    user = request.user
    if app_settings.REQUIRED_FOR_ADMINS and user is not None and user.is_authenticated:
        withhold_role(user, lambda: None if has_shown_factor(request) else mfa_required())


def mfa_required() -> Refusal:
    return Refusal(_("Admins need a second factor here. Set one up, or sign in with it."), "mfa_required")


def has_shown_factor(request: Any) -> bool:
    """Whether the session of ``request`` has; never where the site signs in without sessions."""
    session = getattr(request, "auth", None)
    if isinstance(session, Session):
        rows = VerifiedSession.objects.using(router.db_for_write(VerifiedSession))
        return rows.filter(session_id=session.pk).exists()
    return has_mark(request, request.user)


def has_mark(request: Any, user: Any) -> bool:
    """Whether Django's session says so of ``user``, of a time since when there has been a second factor."""
    mark = getattr(request, "session", {}).get(MARK)
    since = factors.enrolled_since(user)
    if not isinstance(mark, dict) or since is None:
        return False
    return mark.get("user") == str(user.pk) and mark.get("at", 0) >= since.timestamp()


def show(request: Any, user: Any, method: str) -> None:
    """Notes that the session of ``request`` has shown a second factor of ``user``."""
    session = getattr(request, "auth", None)
    if isinstance(session, Session):
        VerifiedSession.objects.update_or_create(session_id=session.pk, defaults={"method": method})
    elif _is_of(request, user):
        _mark(request, user)


def _is_of(request: Any, user: Any) -> bool:
    """Whether it is Django's session that says who ``user`` is, and no other credentials."""
    from django.contrib.auth import SESSION_KEY

    return getattr(request, "session", {}).get(SESSION_KEY) == str(user.pk)


def remember(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    """A receiver of Django's ``user_logged_in``: marks its session if the log-in form has seen a factor."""
    if request is not None and getattr(request, PASSED, None) == user.pk:
        _mark(request, user)


def _mark(request: Any, user: Any) -> None:
    request.session[MARK] = {"user": str(user.pk), "at": time.time()}


def forget(user: Any) -> None:
    """No session of ``user`` has shown a second factor any more."""
    VerifiedSession.objects.filter(session__user=user).delete()
