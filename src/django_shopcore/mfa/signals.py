"""Domain events of second factors, sent inside the transaction of the write: a receiver that raises undoes it.

``sender`` is the user model's class. ``method`` is ``totp`` or ``passkey``.

``factor_added``: ``user``, ``method``, ``first``: whether the account was without a second factor.
``factor_removed``: ``user``, ``method``, ``last``: whether the account is without one now.
``recovery_codes_made``: ``user``; the earlier ones are void. Not sent with the first factor.
``recovery_code_used``: ``user``, ``left``: how many are unused.
``factors_reset``: ``user``; an admin has taken away every factor. ``factor_removed`` is not sent.

Outside a transaction; what a receiver raises is logged and changes nothing:

``second_factor_failed``: ``user``, ``method`` (also ``recovery_code``), ``request``: a wrong one at a log-in.
"""

from django.dispatch import Signal

factor_added = Signal()
factor_removed = Signal()
recovery_codes_made = Signal()
recovery_code_used = Signal()
factors_reset = Signal()
second_factor_failed = Signal()
