"""Domain events of accounts, sent inside the transaction of the write: a receiver that raises undoes it.

``sender`` is the user model's class.

``user_registered``: ``user``, the saved account. Not sent for users made by commands or in the Django admin.
``user_signed_in``: ``user``, ``session``. Django's ``user_logged_in`` is sent as well.
``user_signed_out``: ``user``, ``sessions``, the keys of those that were ended by it.
``sign_in_failed``: ``name``, what was typed, which may be a password in the wrong field; ``user``, whom it means, or
``None``; ``reason``, a code. It is sent outside of a transaction, and the request is refused.
``refresh_token_reused``: ``user``, ``session``, which has been ended: the token was spent before.
``password_refused``: ``user``, who was to prove a password and gave a wrong one. Sent outside of a transaction.
``user_password_changed``: ``user``, by the owner through the API, also by a link from a mail.
``password_reset_completed``: ``user``, who set a new password by a link; right after ``user_password_changed``.
``user_email_changed``: ``user``, ``old_email``, after the new address was confirmed.
``user_email_verified``: ``user``, who proved that the address is theirs. Not sent with ``user_email_changed``.
``personal_data_exported``: ``user``, who asked for all that is held on them. Sent outside of a transaction.
``user_created``: ``user``, made in the Django admin.
``user_changed``: ``user``, ``changes``: by field, named as in the API, the value before and after. By an admin, or of
one's own names.
``user_deleted``: ``user``, the instance as it was (its ``pk`` is kept), by the owner through the API or in the Django
admin; ``pseudonym``, the text that stands for the person in what stays.

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
user_signed_out = Signal()
sign_in_failed = Signal()
refresh_token_reused = Signal()
password_refused = Signal()
user_password_changed = Signal()
password_reset_completed = Signal()
user_email_changed = Signal()
user_email_verified = Signal()
personal_data_exported = Signal()
user_created = Signal()
user_changed = Signal()
user_deleted = Signal()
password_reset_requested = Signal()
email_verification_requested = Signal()
registration_requested = Signal()
email_change_requested = Signal()
