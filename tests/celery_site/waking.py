from django.db import transaction
from django.dispatch import receiver

from django_shopcore.notifications.signals import outbox_filled

from .tasks import deliver_notifications


@receiver(outbox_filled)
def wake_celery(**event):
    transaction.on_commit(enqueue_delivery, robust=True)


def enqueue_delivery():
    # Without retries: a request waits for this, and beat comes by anyway.
    deliver_notifications.apply_async(retry=False)
