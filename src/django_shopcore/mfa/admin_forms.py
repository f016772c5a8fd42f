from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from django_shopcore.accounts.admins import lock_users
from django_shopcore.core.errors import Conflict
from django_shopcore.core.limits import RateLimited, take_back
from django_shopcore.core.writes import atomic_write

from . import factors, signals, totp, verification
from .conf import app_settings
from .exceptions import WrongFactor
from .factors import RECOVERY_CODE, TOTP, Proof
from .models import TotpDevice


class MfaAuthenticationMixin(forms.Form):
    """For forms that derive from Django's ``AuthenticationForm``: asks who has a second factor for a code of it."""

    second_factor = forms.CharField(
        label=_("Code"),
        required=False,
        max_length=64,
        strip=True,
        help_text=_("Of your authenticator app, or a recovery code. Empty without a second factor."),
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
    )

    request: Any

    def clean(self) -> Any:
        data = super().clean()
        user = self.get_user()  # type: ignore[attr-defined]
        if user is not None:
            self._check_second_factor(user, (data or {}).get("second_factor", ""))
        return data

    def _check_second_factor(self, user: Any, text: str) -> None:
        if not factors.methods_of(user):
            if app_settings.REQUIRED_FOR_ADMINS:
                message = _("Admins need a second factor here. Set one up through the API, then sign in with it.")
                raise ValidationError(message, code="mfa_required")
            return
        if not text:
            raise ValidationError(_("Enter a code of your second factor."), code="second_factor_required")
        self._spend(user, text)
        setattr(self.request, verification.PASSED, user.pk)

    def _spend(self, user: Any, text: str) -> None:
        code = "".join(text.split())
        proof = Proof(TOTP, code) if totp.CODE.fullmatch(code) else Proof(RECOVERY_CODE, text)
        try:
            counted = factors.count(proof, user, self.request)
            with atomic_write(TotpDevice):
                rows = lock_users([user.pk])
                if not rows:
                    raise WrongFactor(proof.method)
                factors.spend(rows[0], proof, None)
        except RateLimited as exc:
            raise ValidationError(_("Too many attempts. Try again later."), code="rate_limited") from exc
        except (WrongFactor, Conflict) as exc:
            signals.second_factor_failed.send_robust(
                sender=type(user), user=user, method=proof.method, request=self.request
            )
            raise ValidationError(_("The second factor is wrong."), code="invalid_second_factor") from exc
        take_back(counted)


class MfaAdminAuthenticationForm(MfaAuthenticationMixin, AdminAuthenticationForm):
    """The admin site's log-in with a field for the second factor."""
