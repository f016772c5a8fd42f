from __future__ import annotations

from typing import Any

from django_shopcore.core.conf import Kind, Setting, SettingsGroup, natural, one_of, positive_int, rate, text

NONE, OPTIONAL, MANDATORY = "none", "optional", "mandatory"
EMAIL, USERNAME, EITHER = "email", "username", "either"


def _is_key(value: Any) -> bool:
    pair = isinstance(value, (list, tuple)) and len(value) == 2
    return pair and isinstance(value[0], str) and isinstance(value[1], (str, bytes))


keys: Kind[list[tuple[str, str | bytes]]] = Kind(
    "a list of pairs of an algorithm and a key",
    lambda value: isinstance(value, (list, tuple)) and all(map(_is_key, value)),
)


class AccountsSettings(SettingsGroup, prefix="SHOPCORE_ACCOUNTS_"):
    REFRESH_REUSE_LEEWAY = Setting(
        10,
        natural,
        "Seconds in which a spent refresh token is merely refused, for two tabs that refresh at once. Later it "
        "ends its session, since it was probably stolen.",
    )
    SESSION_RETENTION = Setting(
        30, positive_int, "Days for which sessions stay in the database after they have ended or expired."
    )
    LOGIN_BY = Setting(
        EMAIL,
        one_of(EMAIL, USERNAME, EITHER),
        'What people sign in by, and the name it has in the body of `auth/login/`; with `"either"` a body has just '
        "one of the two. An address that several active accounts have signs nobody in.",
    )
    PASSWORD_MIN_LENGTH = Setting(
        10,
        Kind("a whole number from 1 to 64", lambda value: positive_int.accepts(value) and value <= 64, int),
        "Characters that a new password has at least, also where `AUTH_PASSWORD_VALIDATORS` asks for fewer or none. "
        "Passwords that everybody knows are always refused.",
    )
    VERIFYING_KEYS = Setting[list[tuple[str, str | bytes]]](
        [],
        keys,
        "Keys whose tokens are taken besides those of `SIMPLE_JWT`, each with its algorithm: "
        '`[("HS256", "the key until yesterday")]`. See [](../how-to/rotate-keys.md).',
    )
    EMAIL_VERIFICATION = Setting(
        OPTIONAL,
        one_of(NONE, OPTIONAL, MANDATORY),
        'Whether people prove that an address is theirs. `"optional"`: they are asked to. `"mandatory"`: without it '
        "there is no account, and registering does not tell whether an address is taken.",
    )
    PASSWORD_RESET_PATH = Setting(
        "/reset-password/",
        text,
        "The front end's page for a new password, where mails lead: below `SHOPCORE_SITE_URL`.",
    )
    EMAIL_VERIFY_PATH = Setting("/verify-email/", text, "The page that confirms the address of an account.")
    EMAIL_CHANGE_PATH = Setting("/confirm-email/", text, "The page that confirms a new address.")
    PASSWORD_RESET_TIMEOUT = Setting(3600, positive_int, "Seconds for which a link to a new password works.")
    EMAIL_LINK_TIMEOUT = Setting(259_200, positive_int, "Seconds for which links that confirm an address work.")
    MAIL_COOLDOWN = Setting(
        60, natural, "Seconds in which an address gets no second mail of a kind that anybody can ask for; 0: none."
    )
    MAIL_RATE = Setting[str | None]("10/m", rate, "Requests for mails with links per client.")
    ADDRESS_MAIL_RATE = Setting[str | None](
        "5/h",
        rate,
        "Mails of a kind to one address that anybody can ask for. There are no more then: the link of an earlier one "
        "still works, so the time must not be longer than the links live.",
    )
    REGISTRATION_MAIL_RATE = Setting[str | None](
        "5/h", rate, "Mails to one address that somebody registers, where verification is mandatory."
    )
    CONFIRM_RATE = Setting[str | None]("20/m", rate, "Uses of links from mails per client.")
    LOGIN_RATE = Setting[str | None]("10/m", rate, "Attempts to sign in per client.")
    LOGIN_CLIENT_ACCOUNT_RATE = Setting[str | None](
        "10/10m", rate, "Failed attempts to sign in to one account per client. A password reset ends it."
    )
    LOGIN_ACCOUNT_RATE = Setting[str | None](
        "100/h",
        rate,
        "Failed attempts to sign in to one account by all clients that it was not used from in the last 90 days. A "
        "password reset ends it.",
    )
    REGISTER_RATE = Setting[str | None]("10/m", rate, "Registrations per client.")
    REFRESH_RATE = Setting[str | None]("120/m", rate, "Refreshes of tokens per client.")
    REFRESH_SESSION_RATE = Setting[str | None]("60/m", rate, "Refreshes of tokens per session.")
    PASSWORD_RATE = Setting[str | None](
        "10/m",
        rate,
        "Requests per user that prove the current password: changing it or the address, deleting the account.",
    )
    EXPORT_RATE = Setting[str | None]("5/h", rate, "Exports of what is held on a person, per user.")
    WRITE_RATE = Setting[str | None]("120/m", rate, "Other changes of accounts and sessions per user.")


app_settings = AccountsSettings()
