"""What of accounts goes into the audit log; the only place in accounts that knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth import signals as of_django
from django.http import HttpRequest

from django_shopcore.audit import CURRENT_USER, Line, record, record_many
from django_shopcore.audit.names import line_of_name
from django_shopcore.audit.recording import told_elsewhere
from django_shopcore.core.changes import Changes
from django_shopcore.core.current_request import current_request
from django_shopcore.core.users import email_of, fresh_users, user_model
from django_shopcore.core.views import ShopcoreView

from . import signals
from .models import User


def _registered(sender: Any, user: Any, **event: Any) -> None:
    record("account.registered", obj=user, actor=user)


def _signed_in(sender: Any, user: Any, session: Any, **event: Any) -> None:
    record("auth.signed_in", obj=user, actor=user, data={"session": str(session.pk)})


def _failed(sender: Any, name: str, user: Any, reason: str, **event: Any) -> None:
    # The same work for a name that is somebody's and for one that is nobody's.
    line = Line(user, data={"reason": reason}) if user is not None else line_of_name(name, reason=reason)
    record_many("auth.login_failed", [line], actor=None)


def _signed_out(sender: Any, user: Any, sessions: list[Any], **event: Any) -> None:
    record("auth.signed_out", obj=user, data={"sessions": [str(key) for key in sessions]})


def _reused(sender: Any, user: Any, session: Any, **event: Any) -> None:
    record("auth.refresh_token_reused", obj=user, actor=None, data={"session": str(session.pk)})


def _wrong_password(sender: Any, user: Any, **event: Any) -> None:
    record("auth.password_refused", obj=user, actor=user)


def _password_changed(sender: Any, user: Any, **event: Any) -> None:
    record("account.password_changed", obj=user, actor=user)


def _password_reset(sender: Any, user: Any, **event: Any) -> None:
    record("account.password_reset", obj=user, actor=user)


def _reset_requested(sender: Any, email: str, **event: Any) -> None:
    # Nobody has looked whose address it is, nor is it for the log to find out.
    record_many("account.password_reset_requested", [line_of_name(email)], actor=None)


def _email_change_requested(sender: Any, user: Any, **event: Any) -> None:
    record("account.email_change_requested", obj=user, actor=user)


def _email_changed(sender: Any, user: Any, old_email: str, **event: Any) -> None:
    record("account.email_changed", obj=user, actor=user, changes={"email": (old_email, email_of(user))})


def _email_verified(sender: Any, user: Any, **event: Any) -> None:
    record("account.email_verified", obj=user, actor=user)


def _exported(sender: Any, user: Any, **event: Any) -> None:
    record("account.exported", obj=user, actor=user)


ROLES = {
    ("is_admin", True): "user.promoted",
    ("is_admin", False): "user.demoted",
    ("is_active", True): "user.activated",
    ("is_active", False): "user.deactivated",
}


def _changed(sender: Any, user: Any, changes: Changes, **event: Any) -> None:
    """An entry for each change of a role, which outlives an erasure, and one for the rest."""
    rest: dict[str, Any] = {}
    for name, pair in changes.items():
        action = ROLES.get((name, pair[1])) if isinstance(pair[1], bool) else None
        if action is None:
            rest[name] = pair
        else:
            record(action, obj=user, changes={name: pair})
    if rest:
        record("user.updated", obj=user, changes=rest)


def _made(sender: Any, user: Any, **event: Any) -> None:
    record("user.created", obj=user)


def _deleted(sender: Any, user: Any, pseudonym: str, **event: Any) -> None:
    mine = getattr(getattr(current_request(), "user", None), "pk", None) == user.pk
    line = Line(type=user_model()._meta.label_lower, key=pseudonym)
    record_many("account.deleted", [line], actor=pseudonym if mine else CURRENT_USER)


def _is_ours(request: HttpRequest | None) -> bool:
    """Whether the request is one to a view of ours, which sends events of its own."""
    view = getattr(getattr(request, "resolver_match", None), "func", None)
    return issubclass(getattr(view, "cls", object), ShopcoreView)


def _signed_in_elsewhere(sender: Any, request: HttpRequest | None, user: Any, **event: Any) -> None:
    if request is not None and hasattr(request, "session") and not _is_ours(request):
        record("auth.signed_in", obj=user, actor=user, data={"by": "cookie"})


def _signed_out_elsewhere(sender: Any, user: Any, **event: Any) -> None:
    if user is not None:
        record("auth.signed_out", obj=user, actor=user, data={"by": "cookie"})


def _failed_elsewhere(sender: Any, credentials: Mapping[str, Any], request: Any = None, **event: Any) -> None:
    if request is None or _is_ours(request):
        return
    field = user_model().USERNAME_FIELD
    name = str(credentials.get(field) or credentials.get("username") or "")
    _failed(sender, name, fresh_users().filter(**{field: name}).first(), "invalid_credentials")


def listen() -> None:
    received = (
        (signals.user_registered, _registered),
        (signals.user_signed_in, _signed_in),
        (signals.sign_in_failed, _failed),
        (signals.user_signed_out, _signed_out),
        (signals.refresh_token_reused, _reused),
        (signals.password_refused, _wrong_password),
        (signals.user_password_changed, _password_changed),
        (signals.password_reset_completed, _password_reset),
        (signals.password_reset_requested, _reset_requested),
        (signals.email_change_requested, _email_change_requested),
        (signals.user_email_changed, _email_changed),
        (signals.user_email_verified, _email_verified),
        (signals.personal_data_exported, _exported),
        (signals.user_created, _made),
        (signals.user_changed, _changed),
        (signals.user_deleted, _deleted),
        (of_django.user_logged_in, _signed_in_elsewhere),
        (of_django.user_logged_out, _signed_out_elsewhere),
        (of_django.user_login_failed, _failed_elsewhere),
    )
    for signal, receive in received:
        signal.connect(receive, dispatch_uid=f"shopcore_audit.{receive.__name__}")
    if settings.AUTH_USER_MODEL.lower() == User._meta.label_lower:  # only then its admin page is ours
        told_elsewhere.add(User._meta.label_lower)
