from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.utils.module_loading import import_string

from .middleware import AuditMiddleware

MIDDLEWARE = "django_shopcore.audit.middleware.AuditMiddleware"


@register(Tags.security)
def check_middleware(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W501: what is done in the Django admin is logged without who did it and from where."""
    if not apps.is_installed("django.contrib.admin") or any(map(_is_ours, settings.MIDDLEWARE)):
        return []
    return [
        Warning(
            "The audit log does not see the requests of the Django admin.",
            hint=f"Add {MIDDLEWARE} to MIDDLEWARE, behind the one that authenticates.",
            id="shopcore.W501",
        )
    ]


def _is_ours(path: str) -> bool:
    try:
        found = import_string(path)
    except ImportError:
        return False  # Django reports it
    return isinstance(found, type) and issubclass(found, AuditMiddleware)
