from django_shopcore.core.limits import Limit

from .conf import NotificationsSettings

WRITE = Limit("notifications-write", NotificationsSettings.WRITE_RATE)
UNSUBSCRIBE = Limit("unsubscribe", NotificationsSettings.UNSUBSCRIBE_RATE)
