"""The site's settings, read from environment variables; docs/reference/example-project lists them."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from corsheaders.defaults import default_headers

from .api_docs import SPECTACULAR_SETTINGS as SPECTACULAR_SETTINGS
from .config import cache, database, hosts, keys, mail, metrics, words
from .config.library import library_settings
from .env import BASE_DIR, env
from .logs import logging_settings

DATA_DIR = BASE_DIR / "data"

DEBUG = env.read("DEBUG", words.switch, False)
SITE_URL = env.require("SITE_URL", hosts.site_url, "http://localhost:8000", unless=DEBUG)
HTTPS = SITE_URL.startswith("https://")

# --- Secrets --------------------------------------------------------------------------------------------

SECRET_KEY = env.require("SECRET_KEY", keys.secret_key, "", unless=DEBUG)
if DEBUG and not SECRET_KEY:
    try:
        SECRET_KEY = keys.kept_secret_key(DATA_DIR / "secret_key")
    except ValueError as exc:
        env.problem("SECRET_KEY", str(exc))

JWT_ALGORITHM = env.read("JWT_ALGORITHM", keys.algorithm, "HS256")
_derived = {"SIGNING_KEY": keys.derived_signing_key(SECRET_KEY), "VERIFYING_KEY": ""}
_signing = env.require("JWT_SIGNING_KEY", lambda text: keys.signing_keys(text, JWT_ALGORITHM), _derived, unless=DEBUG)
if JWT_ALGORITHM == "RS256" and not env.get("JWT_SIGNING_KEY") and DEBUG:
    env.problem("JWT_SIGNING_KEY", "required with JWT_ALGORITHM=RS256")
if _signing["SIGNING_KEY"] == SECRET_KEY:
    env.problem("JWT_SIGNING_KEY", "must differ from SECRET_KEY")

SHOPCORE_ACCOUNTS_VERIFYING_KEYS: list[tuple[str, str]] = env.read("JWT_VERIFYING_KEYS", keys.verifying_keys, [])
SECRET_KEY_FALLBACKS: list[str] = env.read("SECRET_KEY_FALLBACKS", keys.secret_keys, [])

SIMPLE_JWT: dict[str, Any] = {
    "ALGORITHM": JWT_ALGORITHM,
    **_signing,
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
}

# --- Who may talk to the site ---------------------------------------------------------------------------

ALLOWED_HOSTS = env.read("ALLOWED_HOSTS", hosts.hosts, list(hosts.LOCAL))
CSRF_TRUSTED_ORIGINS = env.read("CSRF_TRUSTED_ORIGINS", hosts.origins, [hosts.origin(SITE_URL)])
CORS_ALLOWED_ORIGINS: list[str] = env.read("CORS_ALLOWED_ORIGINS", hosts.exact_origins, [])
CORS_ALLOWED_ORIGIN_REGEXES = [] if env.get("CORS_ALLOWED_ORIGINS") else [hosts.LOCAL_ORIGIN]
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = [*default_headers, "if-match", "if-none-match", "x-request-id"]
CORS_EXPOSE_HEADERS = [
    "ETag",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
]

# --- The application ------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "shop",
    "django_shopcore.core",
    "django_shopcore.catalog",
    "django_shopcore.accounts",
    "django_shopcore.mfa",
    "django_shopcore.notifications",
    "django_shopcore.audit",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "django_shopcore.mfa.admin_apps.MfaAdminConfig",  # Django's admin with a second factor
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "shop.metrics.measuring.MetricsMiddleware",
    "shop.middleware.RequestMiddleware",
    "django_shopcore.catalog.middleware.OpenReadsMiddleware",
    "shop.middleware.HeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "shop.middleware.HealthMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "shop.pages.Sessions",
    "django.middleware.common.CommonMiddleware",
    "shop.pages.Csrf",
    "shop.pages.Authentication",
    "shop.pages.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_shopcore.core.middleware.AccessMiddleware",
    "django_shopcore.audit.middleware.AuditMiddleware",
]

ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
ASGI_APPLICATION = "shop.asgi.application"
CSRF_FAILURE_VIEW = "shop.errors.csrf_failure"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "shop.errors.exception_handler",
}

LOGGING = logging_settings(debug=DEBUG)

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# --- Accounts -------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "shopcore_accounts.User"
# The first one makes new hashes; the others still check old ones, which are renewed at the next sign-in.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# --- Storage --------------------------------------------------------------------------------------------

_conn_max_age = 0 if DEBUG else 60


def _database(text: str) -> database.Database:
    return database.database(text, folder=BASE_DIR, conn_max_age=_conn_max_age)


def _replica(text: str) -> database.Database:
    found = database.database(text, folder=BASE_DIR, conn_max_age=_conn_max_age)
    if found["ENGINE"] != DATABASES["default"]["ENGINE"]:
        raise ValueError("must be the same kind of database as DATABASE_URL")
    return {**found, "TEST": {"MIRROR": "default"}}


DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": env.read("DATABASE_URL", _database, database.sqlite(DATA_DIR / "db.sqlite3"))}
if env.get("DATABASE_REPLICA_URL"):
    DATABASES["replica"] = env.read("DATABASE_REPLICA_URL", _replica, {})
    DATABASE_ROUTERS = ["django_shopcore.core.replicas.ReplicaRouter"]
    SHOPCORE_REPLICAS = ["replica"]
if not env.get("DATABASE_URL"):
    try:
        DATA_DIR.mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        env.problem("DATABASE_URL", f"the default, a file in {DATA_DIR}, does not work: {exc.strerror}")

CACHES = {"default": env.read("REDIS_URL", cache.redis_cache, cache.LOCAL_MEMORY)}

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "shop.static_files.StaticFilesStorage"},
}
# Without collectstatic the files are served from where the apps have them.
WHITENOISE_USE_FINDERS = DEBUG or not (STATIC_ROOT / "staticfiles.json").exists()
WHITENOISE_ALLOW_ALL_ORIGINS = False
with suppress(OSError):  # WhiteNoise warns of a folder that is not there
    STATIC_ROOT.mkdir(exist_ok=True)

# --- Metrics --------------------------------------------------------------------------------------------

METRICS_TOKEN = env.read("METRICS_TOKEN", metrics.token, "")
METRICS_FOLDER = env.read("PROMETHEUS_MULTIPROC_DIR", metrics.folder, None)
if not env.get("PROMETHEUS_MULTIPROC_DIR"):
    try:
        METRICS_FOLDER = metrics.default_folder(BASE_DIR)
    except ValueError as exc:
        env.problem("PROMETHEUS_MULTIPROC_DIR", f"the default does not work: {exc}")

# --- Mail -----------------------------------------------------------------------------------------------

_mail = env.require("EMAIL_URL", mail.mail_settings, mail.mail_settings("console:"), unless=DEBUG)
globals().update(_mail)
if "ANYMAIL" in _mail:
    INSTALLED_APPS.append("anymail")
DEFAULT_FROM_EMAIL = env.read("DEFAULT_FROM_EMAIL", words.address, hosts.sender(SITE_URL))
SERVER_EMAIL = DEFAULT_FROM_EMAIL
ADMIN_EMAILS: list[str] = env.read("ADMIN_EMAILS", words.addresses, [])

# --- The library ----------------------------------------------------------------------------------------

# Some of its settings have a short name as well; a variable by a setting's own name comes last and so wins.
SHOPCORE_RATE_LIMITS = env.read("RATE_LIMITS", words.switch, True)
SHOPCORE_SITE_URL = SITE_URL
SHOPCORE_NOTIFICATIONS_SITE_NAME = "Shop"
SHOPCORE_NOTIFICATIONS_ADMIN_EMAILS = ADMIN_EMAILS
SHOPCORE_TRUSTED_PROXIES = env.read("TRUSTED_PROXIES", words.natural, 0)
_library = library_settings(env, INSTALLED_APPS)
globals().update(_library)
# Django's own forms ask for passwords as long as the API does.
_least = _library.get("SHOPCORE_ACCOUNTS_PASSWORD_MIN_LENGTH") or 10
AUTH_PASSWORD_VALIDATORS.append(
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": _least},
    }
)

# --- Encryption on the way ------------------------------------------------------------------------------

# SITE_URL says how visitors reach the site. With http:// (a machine of one's own) redirects to https and
# cookies for https only would lock everybody out, so the checks that ask for them are silent.
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz/", r"^metrics$"]  # they call the process itself, without the proxy
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
# No script of ours reads it: the forms of the admin carry the token, and the API takes none.
CSRF_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
# Other names beneath the site's domain are not this project's to decide about (W005, W021).
SILENCED_SYSTEM_CHECKS = (
    ["security.W005", "security.W021"]
    if HTTPS
    else ["security.W004", "security.W008", "security.W012", "security.W016"]
)
# Django looks for its own middleware by name; shop.pages has subclasses of it (W003), and the cookie's flag is set
# above (W010, which goes by the middleware's name too).
SILENCED_SYSTEM_CHECKS += ["security.W003"] + ([] if HTTPS else ["security.W010"])
# Mail to the console is a choice: without DEBUG there is no default for EMAIL_URL that could be forgotten.
SILENCED_SYSTEM_CHECKS += ["mail.E001"]
# Only a proxy that is known to be there, and so sets or removes the header, may say that a request came by https.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SHOPCORE_TRUSTED_PROXIES else None
X_FRAME_OPTIONS = "DENY"

env.stop_on_problems()
