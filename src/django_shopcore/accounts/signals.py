"""Domain events of accounts, sent inside the transaction of the write: a receiver that raises undoes it.

``sender`` is the user model's class.

``user_registered``: ``user``, the saved account. Not sent for users made by commands or in the Django admin.
``user_signed_in``: ``user``, ``session``. Django's ``user_logged_in`` is sent as well.
``user_password_changed``: ``user``, by the owner through the API, also by a link from a mail.
``password_reset_completed``: ``user``, who set a new password by a link; right after ``user_password_changed``.
``user_email_changed``: ``user``, ``old_email``, after the new address was confirmed.
``user_email_verified``: ``user``, who proved that the address is theirs. Not sent with ``user_email_changed``.
``user_deleted``: ``user``, the instance as it was (its ``pk`` is kept), by the owner through the API.

Wishes for mail. Nobody has looked whether there is such an account, nor may a receiver: the answer must come
after the same work in any case.

``password_reset_requested``: ``email``.
``email_verification_requested``: ``email``, to which the link is to be sent again.
``registration_requested``: ``registration``, a ``PendingRegistration``. The address may be taken.
``email_change_requested``: ``user``, ``new_email``. The new address may be taken.
"""

from django.dispatch import Signal

user_registered = Signal()
user_signed_in = Signal()
user_password_changed = Signal()
password_reset_completed = Signal()
user_email_changed = Signal()
user_email_verified = Signal()
user_deleted = Signal()
password_reset_requested = Signal()
email_verification_requested = Signal()
registration_requested = Signal()
email_change_requested = Signal()
