"""A channel of a site's own, as docs/how-to/channels.md shows it."""

from django_shopcore.notifications import Skip
from django_shopcore.notifications.channels import Channel, ChannelDown, Refused

from . import sms_provider


class SmsChannel(Channel):
    name = "sms"
    client = None

    def takes(self, kind):
        return kind.security or super().takes(kind)

    def open(self):
        self.client = sms_provider.Client(timeout=10)

    def close(self):
        if self.client is not None:
            self.client.close()

    def send(self, delivery):
        number = getattr(delivery.user, "phone", "")
        if not number:
            raise Skip("The user has no telephone.")
        try:
            self.client.send(to=number, text=delivery.line(), reference=delivery.uuid.hex)
        except sms_provider.UnreachableError as exc:
            raise ChannelDown(str(exc)) from exc
        except sms_provider.NumberError as exc:
            raise Refused(str(exc)) from exc
