from __future__ import annotations

from django_shopcore.core.conf import Setting, SettingsGroup, dotted_paths, natural, positive_int, rate, text, words

EMAIL = "django_shopcore.notifications.channels.EmailChannel"
IN_APP = "django_shopcore.notifications.channels.InAppChannel"


class NotificationsSettings(SettingsGroup, prefix="SHOPCORE_NOTIFICATIONS_"):
    CHANNELS = Setting[list[str]](
        [EMAIL, IN_APP],
        dotted_paths,
        "The ways a message takes, as classes: subclasses of `django_shopcore.notifications.channels.Channel`.",
    )
    DISABLED = Setting[list[str]](
        [],
        words,
        "Notifications that are not made at all, by name (`welcome`), or on one channel only (`welcome:email`).",
    )
    ADMIN_EMAILS = Setting[list[str]]([], words, "Addresses that get admin alerts besides the admins' own.")
    SITE_NAME = Setting("", text, "What mails call the site; empty: the host name of `SHOPCORE_SITE_URL`.")
    UNSUBSCRIBE_URL = Setting(
        "",
        text,
        "Address of `notifications/unsubscribe/` as the public reaches it; empty: its route below `SHOPCORE_SITE_URL`.",
    )
    DIGEST_HOUR = Setting(8, natural, "Hour (0 to 23) at which digests go out, in the recipient's time zone.")
    DIGEST_WEEKDAY = Setting(0, natural, "Day of weekly digests: 0 is Monday, 6 is Sunday.")
    LEASE = Setting(
        60,
        positive_int,
        "Seconds for which a worker holds the messages it has taken. Those of a worker that was killed are free "
        "again after that, and at once for a worker on the same machine.",
    )
    GIVE_UP_AFTER = Setting(
        72, positive_int, "Hours after which a message that cannot be delivered is set aside for a human."
    )
    OUTBOX_RETENTION = Setting(14, positive_int, "Days for which delivered messages stay in the outbox.")
    DEAD_RETENTION = Setting(90, positive_int, "Days for which messages that were given up stay in the outbox.")
    INBOX_RETENTION = Setting(
        0, natural, "Days for which notifications stay in the inbox, seen or not; 0: until the user is deleted."
    )
    TASK_BACKEND = Setting(
        "default",
        text,
        "Alias in Django's `TASKS` of the backend that a commit wakes the delivery with, when that backend works "
        "outside of the request; empty: none.",
    )
    TASK_QUEUE = Setting("default", text, "The queue of that backend.")
    WRITE_RATE = Setting[str | None]("120/m", rate, "Changes of one's inbox and preferences per user.")
    UNSUBSCRIBE_RATE = Setting[str | None]("60/m", rate, "Unsubscriptions by link per client.")


app_settings = NotificationsSettings()
