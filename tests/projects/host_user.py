"""Everything, in a site with Django's user whose settings are as unlike ours as can be."""

from .base import *  # noqa: F403
from .base import DATABASES as OUR_DATABASES
from .base import DJANGO_APPS
from .base import MIDDLEWARE as DJANGO_MIDDLEWARE

INSTALLED_APPS = [
    *DJANGO_APPS,
    "django_shopcore.core",
    "django_shopcore.catalog",
    "django_shopcore.accounts",
    "django_shopcore.notifications",
    "django_shopcore.audit",
]
MIDDLEWARE = [
    *DJANGO_MIDDLEWARE,
    "django.middleware.locale.LocaleMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django_shopcore.audit.middleware.AuditMiddleware",
]
DATABASES = {"default": OUR_DATABASES["default"] | {"ATOMIC_REQUESTS": True}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
TIME_ZONE = "Asia/Kolkata"
LANGUAGE_CODE = "nl"  # Django and DRF speak it; we do not, so that our own texts are as elsewhere
USE_I18N = True
USE_THOUSAND_SEPARATOR = True

REST_FRAMEWORK = {
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.BrowsableAPIRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"anon": "1/day"},
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 3,
    "DEFAULT_FILTER_BACKENDS": ["rest_framework.filters.SearchFilter"],
    "SEARCH_PARAM": "q",
    "ORDERING_PARAM": "sort",
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
    "ALLOWED_VERSIONS": ["7.0"],
    "EXCEPTION_HANDLER": "tests.projects.host.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
    "NON_FIELD_ERRORS_KEY": "alles",
    "DATETIME_FORMAT": "%d.%m.%Y %H:%M",
    "DATETIME_INPUT_FORMATS": ["%d.%m.%Y %H:%M"],
    "DATE_FORMAT": "%d.%m.%Y",
    "COERCE_DECIMAL_TO_STRING": False,
    "COMPACT_JSON": False,
    "UNICODE_JSON": False,
    "STRICT_JSON": False,
    "URL_FORMAT_OVERRIDE": "format",
    "DEFAULT_METADATA_CLASS": "rest_framework.metadata.SimpleMetadata",
}
