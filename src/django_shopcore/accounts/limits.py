from django_shopcore.core.limits import Limit

from .conf import AccountsSettings

LOGIN = Limit("login", AccountsSettings.LOGIN_RATE, durable=True)
LOGIN_CLIENT_ACCOUNT = Limit("login-client-account", AccountsSettings.LOGIN_CLIENT_ACCOUNT_RATE, durable=True)
LOGIN_ACCOUNT = Limit("login-account", AccountsSettings.LOGIN_ACCOUNT_RATE, durable=True, told=False)
REGISTER = Limit("register", AccountsSettings.REGISTER_RATE, durable=True)
REFRESH = Limit("refresh", AccountsSettings.REFRESH_RATE)
REFRESH_SESSION = Limit("refresh-session", AccountsSettings.REFRESH_SESSION_RATE)
MAIL = Limit("account-mail", AccountsSettings.MAIL_RATE, durable=True)
ADDRESS_MAIL = Limit("address-mail", AccountsSettings.ADDRESS_MAIL_RATE, durable=True, told=False)
REGISTRATION_MAIL = Limit("registration-mail", AccountsSettings.REGISTRATION_MAIL_RATE, durable=True, told=False)
CONFIRM = Limit("account-confirm", AccountsSettings.CONFIRM_RATE, durable=True)
PASSWORD = Limit("password", AccountsSettings.PASSWORD_RATE, durable=True)
EXPORT = Limit("account-export", AccountsSettings.EXPORT_RATE)
WRITE = Limit("accounts-write", AccountsSettings.WRITE_RATE)
