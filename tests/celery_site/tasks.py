from celery import shared_task

from django_shopcore.core import periodic
from django_shopcore.notifications.worker import drain


@shared_task(name="deliver_notifications", ignore_result=True)
def deliver_notifications():
    drain()


@shared_task(name="do_periodic_work", ignore_result=True)
def do_periodic_work():
    periodic.run_due()
