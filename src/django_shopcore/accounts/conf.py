from __future__ import annotations

from django_shopcore.core.conf import Setting, SettingsGroup, natural, rate


class AccountsSettings(SettingsGroup, prefix="SHOPCORE_ACCOUNTS_"):
    REFRESH_REUSE_LEEWAY = Setting(
        10,
        natural,
        "Seconds in which a spent refresh token is merely refused, for two tabs that refresh at once. Later it "
        "ends its session, since it was probably stolen.",
    )
    LOGIN_RATE = Setting[str | None]("10/m", rate, "Attempts to sign in per client.")
    REGISTER_RATE = Setting[str | None]("10/m", rate, "Registrations per client.")
    REFRESH_RATE = Setting[str | None]("120/m", rate, "Refreshes of tokens per client.")
    PASSWORD_RATE = Setting[str | None](
        "10/m", rate, "Requests per user that prove the current password: changing it, deleting the account."
    )
    WRITE_RATE = Setting[str | None]("120/m", rate, "Other changes of accounts and sessions per user.")


app_settings = AccountsSettings()
