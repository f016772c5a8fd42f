"""Passkeys (WebAuthn), by py_webauthn: what a browser is asked for, and whether its answer is right.

The domain and the origins come from settings. The device has to verify its user, by a PIN or a finger.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.utils import timezone

from django_shopcore.core.users import email_of

from . import conf
from .exceptions import no_passkeys_here, unusable_passkey
from .models import Passkey

logger = logging.getLogger(__name__)

T = TypeVar("T")

TRANSPORTS = ("usb", "nfc", "ble", "internal", "hybrid", "smart-card")


def are_possible() -> bool:
    """Whether the settings say where passkeys belong; a check reports it if not (W401)."""
    return bool(conf.rp_id() and conf.origins())


def registration_options(user: Any, challenge: bytes) -> dict[str, Any]:
    """What ``navigator.credentials.create()`` gets. Raises ``Conflict`` where the site has no address."""
    import webauthn
    from webauthn.helpers import options_to_json_dict, structs

    _require_address()
    name = email_of(user) or str(user.get_username())
    options = webauthn.generate_registration_options(
        rp_id=conf.rp_id(),
        rp_name=conf.issuer(),
        user_name=name,
        user_id=_handle(user),
        challenge=challenge,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.PREFERRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(user),
    )
    described: dict[str, Any] = options_to_json_dict(options)
    return described


def request_options(user: Any, challenge: bytes) -> dict[str, Any]:
    """What ``navigator.credentials.get()`` gets. Raises ``Conflict`` where the site has no address."""
    import webauthn
    from webauthn.helpers import options_to_json_dict, structs

    _require_address()
    options = webauthn.generate_authentication_options(
        rp_id=conf.rp_id(),
        challenge=challenge,
        allow_credentials=_descriptors(user),
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    described: dict[str, Any] = options_to_json_dict(options)
    return described


def registered(user: Any, answer: Mapping[str, Any], challenge: bytes, *, name: str) -> Passkey:
    """The unsaved passkey that ``answer`` brings. Raises ``InvalidInput`` on ``passkey``."""
    import webauthn
    from webauthn.helpers import bytes_to_base64url

    found = _verified(
        lambda: webauthn.verify_registration_response(
            credential=dict(answer),
            expected_challenge=challenge,
            expected_rp_id=conf.rp_id(),
            expected_origin=conf.origins(),
            require_user_verification=True,
        )
    )
    if found is None:
        raise unusable_passkey()
    transports = answer["response"].get("transports")
    return Passkey(
        user=user,
        name=name,
        credential_id=bytes_to_base64url(found.credential_id),
        public_key=found.credential_public_key,
        sign_count=found.sign_count,
        transports=[word for word in TRANSPORTS if isinstance(transports, list) and word in transports],
    )


def use(user: Any, answer: Mapping[str, Any], challenge: bytes) -> bool:
    """Whether ``answer`` is the signature of ``challenge`` by a passkey of ``user``; counts its use.

    A counter that does not go up is refused: somebody may have a copy of the key.
    """
    import webauthn

    credential_id = answer.get("id")
    if not isinstance(credential_id, str) or not are_possible():
        return False
    passkey = Passkey.objects.fresh().filter(user=user, credential_id=credential_id).first()
    if passkey is None:
        return False
    found = _verified(
        lambda: webauthn.verify_authentication_response(
            credential=dict(answer),
            expected_challenge=challenge,
            expected_rp_id=conf.rp_id(),
            expected_origin=conf.origins(),
            credential_public_key=bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    )
    if found is None:
        return False
    count = found.new_sign_count
    rows = Passkey.objects.fresh().before(count).filter(pk=passkey.pk)
    return bool(rows.update(sign_count=count, last_used_at=timezone.now()))


def _verified(verify: Callable[[], T]) -> T | None:
    """What py_webauthn says; ``None`` for an answer that it does not accept."""
    try:
        return verify()
    except Exception as exc:  # noqa: BLE001 - a stranger's bytes: parsers of JSON, CBOR and keys raise what they like
        logger.info("A passkey's answer was refused: %s", type(exc).__name__)
        return None


def _descriptors(user: Any) -> list[Any]:
    from webauthn.helpers import base64url_to_bytes, structs

    rows = Passkey.objects.fresh().filter(user=user).order_by("created_at", "pk")
    return [
        structs.PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(credential_id),
            transports=[structs.AuthenticatorTransport(word) for word in transports] or None,
        )
        for credential_id, transports in rows.values_list("credential_id", "transports")
    ]


def _handle(user: Any) -> bytes:
    """How a device tells accounts apart: the same for each passkey of an account, and nothing that is readable."""
    return hashlib.sha256(f"django_shopcore.mfa:{user.pk}".encode()).digest()


def _require_address() -> None:
    if not are_possible():
        raise no_passkeys_here()
