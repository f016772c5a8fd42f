"""Events of core.

``rate_limited``: ``limit``, ``usage``, ``request``. A request was refused by a rate limit; ``sender`` is ``Limit``.
What a receiver raises is logged, and the answer stays 429.
"""

from django.dispatch import Signal

rate_limited = Signal()
