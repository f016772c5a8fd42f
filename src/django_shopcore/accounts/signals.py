"""Domain events of accounts, sent inside the transaction of the write: a receiver that raises undoes it.

``sender`` is the user model's class.

``user_registered``: ``user``, the saved account. Not sent for users made by commands or in the Django admin.
``user_signed_in``: ``user``, ``session``. Django's ``user_logged_in`` is sent as well.
``user_password_changed``: ``user``, by the owner through the API.
``user_deleted``: ``user``, the instance as it was (its ``pk`` is kept), by the owner through the API.
"""

from django.dispatch import Signal

user_registered = Signal()
user_signed_in = Signal()
user_password_changed = Signal()
user_deleted = Signal()
