from django_shopcore.core.limits import Limit

from .conf import AccountsSettings

LOGIN = Limit("login", AccountsSettings.LOGIN_RATE)
REGISTER = Limit("register", AccountsSettings.REGISTER_RATE)
REFRESH = Limit("refresh", AccountsSettings.REFRESH_RATE)
MAIL = Limit("account-mail", AccountsSettings.MAIL_RATE)
CONFIRM = Limit("account-confirm", AccountsSettings.CONFIRM_RATE)
PASSWORD = Limit("password", AccountsSettings.PASSWORD_RATE)
WRITE = Limit("accounts-write", AccountsSettings.WRITE_RATE)
REGISTRATION_MAIL = Limit("registration-mail", AccountsSettings.REGISTRATION_MAIL_RATE)
