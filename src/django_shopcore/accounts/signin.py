"""Signing in and staying signed in: credentials to a session, a session to tokens, a refresh token to new ones."""

from __future__ import annotations

import logging
import secrets
import time
import unicodedata
from typing import Any, NamedTuple

from django.contrib.auth.signals import user_logged_in
from django.db.models import Case, F, Value, When
from django.http import HttpRequest
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError

from django_shopcore.core.client import client_address
from django_shopcore.core.users import email_column, user_model
from django_shopcore.core.writes import atomic_write

from . import passwords, second_step, signals
from .addresses import normalise_email
from .admins import lock_users
from .conf import MANDATORY, app_settings
from .exceptions import invalid_credentials, invalid_token, session_ended, token_reused, token_spent
from .models import MAX_USER_AGENT, Session
from .tokens import AccessToken, RefreshToken, jwt_setting, token_hash
from .users import is_unverified, the_active_one, users_with_email

logger = logging.getLogger(__name__)

MAX_SPENT = 20


class Tokens(NamedTuple):
    access: str
    refresh: str


def check_credentials(request: HttpRequest, *, password: str, email: str = "", username: str = "") -> Any:
    """The active user with this address, or with this user name, and password, by the site's backends.

    Raises ``AuthenticationFailed``, the same for an unknown name, a wrong password, an inactive user, an address
    of several users and one who has to verify the address first, after the same work: the backends run in each
    case, and Django's hashes a password for nobody.
    """
    meant, name = _meant_by(email, username)
    user = passwords.sign_in_by(request, name, password)
    reason = _refusal(user, meant)
    if reason is not None:
        signals.sign_in_failed.send(sender=user_model(), name=email or username, user=meant or user, reason=reason)
        raise invalid_credentials()
    return user


def _refusal(user: Any, meant: Any) -> str | None:
    """Why whom the backends have found may not sign in. For the site: the answer does not tell."""
    # A site's backend may have a mind of its own as to what a user name is.
    if user is None or (meant is not None and user.pk != meant.pk):
        return "invalid_credentials"
    if not user.is_active:
        return "inactive"
    return "unverified" if app_settings.EMAIL_VERIFICATION == MANDATORY and is_unverified(user) else None


def _meant_by(email: str, username: str) -> tuple[Any, str]:
    """The user whom an address means, if it means one, and the name to give to the backends.

    An address is never taken for a user name, nor the reverse: one person's name may look like the address of
    another, and neither must sign in as, or keep out, the other.
    """
    by_address = email_column() == user_model().USERNAME_FIELD
    if username and not by_address:
        return None, unicodedata.normalize("NFKC", username)  # as Django stores it
    address = email or username
    found = users_with_email(address)
    user = the_active_one(found)
    if user is not None:
        return user, str(user.get_username())
    if not found and by_address:
        return None, normalise_email(address)  # perhaps a backend of the site's makes the user
    # The address of nobody or of several, and perhaps somebody's user name: a name that nobody has.
    return None, secrets.token_hex(16)


def sign_in(request: HttpRequest, user: Any, *, second_step_done: bool = False) -> Tokens:
    """Opens a session of ``user``, whose password was just checked; sends ``user_signed_in``.

    Raises ``SecondStepRequired`` where the password is not enough, unless the caller has seen to the rest.
    """
    if not second_step_done:
        second_step.demand(request, user)
    now = timezone.now()
    session = Session(
        user=user,
        auth_hash=user.get_session_auth_hash(),
        created_at=now,
        last_used_at=now,
        rotated_at=now,
        expires_at=now + jwt_setting("REFRESH_TOKEN_LIFETIME"),
        ip_address=client_address(request) or None,
        user_agent=_user_agent(request),
    )
    tokens = _tokens_of(session)
    session.refresh_hash = token_hash(tokens.refresh)
    with atomic_write(Session):
        # Deleted or given another password since the check: then the check does not count.
        if [row.password for row in lock_users([user.pk])] != [user.password]:
            raise invalid_credentials()
        session.save(force_insert=True)
        user_logged_in.send(sender=type(user), request=request, user=user)
        signals.user_signed_in.send(sender=type(user), user=user, session=session)
    return tokens


def refresh_token(raw: str) -> RefreshToken:
    """The token that ``raw`` is, by its signature. Raises ``AuthenticationFailed``."""
    try:
        return RefreshToken(raw)
    except TokenError as exc:
        raise invalid_token() from exc


def refresh(raw: str, token: RefreshToken | None = None) -> Tokens:
    """New tokens for a refresh token, which is spent by that; ``token`` is what ``refresh_token`` has made of it.

    Raises ``AuthenticationFailed``. A token that was spent before also ends its session, unless that was
    within ``SHOPCORE_ACCOUNTS_REFRESH_REUSE_LEEWAY``.
    """
    token = token or refresh_token(raw)
    presented = token_hash(raw)
    session = Session.objects.fresh().select_related("user").filter(pk=token.session_id).first()
    if session is None or not session.is_live():
        raise session_ended()
    if not token.belongs_to(session.user):
        raise invalid_token()
    if session.refresh_hash == presented:
        tokens = _tokens_of(session)
        if _rotate(session, presented, tokens):
            return tokens
    _refuse_spent(session.pk, presented)
    raise token_spent()


def _tokens_of(session: Session) -> Tokens:
    return Tokens(AccessToken.for_session(session), RefreshToken.for_session(session))


def _rotate(session: Session, presented: str, tokens: Tokens) -> bool:
    """Replaces the refresh token; of several at once the database lets one through, and says so."""
    now = timezone.now()
    # The password's digest by the present key, in case it was made with a fallback key; not when a change
    # of the password has just put another one there.
    auth_hash = Case(
        When(auth_hash=session.auth_hash, then=Value(session.user.get_session_auth_hash())), default=F("auth_hash")
    )
    return bool(
        Session.objects.holding(session.pk, presented).update(
            refresh_hash=token_hash(tokens.refresh),
            spent=_recently_spent(session.spent) | {presented: time.time()},
            auth_hash=auth_hash,
            rotated_at=now,
            last_used_at=now,
            expires_at=now + jwt_setting("REFRESH_TOKEN_LIFETIME"),
        )
    )


def _recently_spent(spent: dict[str, float]) -> dict[str, float]:
    since = time.time() - app_settings.REFRESH_REUSE_LEEWAY
    recent = sorted((moment, digest) for digest, moment in spent.items() if moment >= since)
    return {digest: moment for moment, digest in recent[-(MAX_SPENT - 1) :]}


def _refuse_spent(pk: Any, presented: str) -> None:
    """Ends the session if the token was spent for longer than the leeway; raises what to answer then."""
    session = Session.objects.fresh().open().select_related("user").filter(pk=pk).first()
    if session is None:
        raise session_ended()
    spent_at = session.spent.get(presented)
    if spent_at is not None and time.time() - spent_at <= app_settings.REFRESH_REUSE_LEEWAY:
        return
    with atomic_write(Session):
        if Session.objects.filter(pk=pk).end():
            signals.refresh_token_reused.send(sender=user_model(), user=session.user, session=session)
    logger.warning("A spent refresh token came back; ended the session %s.", pk)
    raise token_reused()


def _user_agent(request: HttpRequest) -> str:
    text = request.META.get("HTTP_USER_AGENT", "")[: MAX_USER_AGENT * 2]
    return "".join(character for character in text if character.isprintable())[:MAX_USER_AGENT]
