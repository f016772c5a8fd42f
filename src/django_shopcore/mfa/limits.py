from typing import Any

from django_shopcore.core.limits import Limit, Usage, enforce

from .conf import MfaSettings

CODE = Limit("mfa-code", MfaSettings.CODE_RATE, durable=True, told=False)
LOGIN = Limit("mfa-login", MfaSettings.LOGIN_RATE, durable=True)


def count_code(user: Any, request: Any) -> list[Usage]:
    """Counts a code for the account, from wherever it comes. Raises ``RateLimited`` (429).

    ``core.limits.take_back`` is for the caller to call with the result when the code was right.
    """
    return enforce([CODE], request, f"account:{user.pk}")
