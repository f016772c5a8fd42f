"""``{% load shopcore_notifications %}``: for the site's own admin templates."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse

from django_shopcore.core.access import is_admin

from ..models import Notification

register = template.Library()

CHANGE_LIST = "admin:shopcore_notifications_notification_changelist"


@register.inclusion_tag("admin/shopcore_notifications/unseen_badge.html", takes_context=True)
def shopcore_unseen_badge(context: Any) -> dict[str, Any]:
    """A link to the signed-in admin's own unseen notifications, with their number.

    Nothing for whoever has none, may not see notifications in the admin, or is on a page without a request.
    It takes one query. The link's class is ``shopcore-unseen-badge``.
    """
    request = context.get("request")
    user: Any = getattr(request, "user", None)
    if user is None or not _may_enter(user) or not _may_view(user):
        return {}
    try:
        url = reverse(CHANGE_LIST, current_app=getattr(request, "current_app", None))
    except NoReverseMatch:  # a site that does not show notifications in its admin
        return {}
    return {"count": Notification.objects.of(user.pk).unseen().count(), "url": f"{url}?seen__exact=0&whose=mine"}


def _may_enter(user: Any) -> bool:
    """Whether the admin lets ``user`` in: by ``is_staff``, as Django's does, or by the role where there is none."""
    return bool(user.is_staff) if hasattr(user, "is_staff") else is_admin(user)


def _may_view(user: Any) -> bool:
    return any(user.has_perm(f"shopcore_notifications.{verb}_notification") for verb in ("view", "change"))
