from typing import Any

from django_shopcore.core.limits import Limit, admit, count_request

from .conf import MfaSettings

CODE = Limit("mfa-code", MfaSettings.CODE_RATE)
LOGIN = Limit("mfa-login", MfaSettings.LOGIN_RATE)


def count_code(user: Any, request: Any) -> None:
    """Counts a code for the account, from wherever it comes. Raises ``RateLimited`` (429)."""
    usage = count_request(CODE, f"account:{user.pk}")
    if usage is not None:
        admit([usage], request)
