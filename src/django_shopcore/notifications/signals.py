"""Events of notifications.

``outbox_filled``: ``kind``. Messages were written to the outbox; ``sender`` is its model. Sent inside the
transaction that writes them, so that a receiver which starts their delivery waits for its commit
(``transaction.on_commit``).
"""

from django.dispatch import Signal

outbox_filled = Signal()
