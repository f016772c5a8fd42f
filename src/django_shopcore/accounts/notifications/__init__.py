"""What accounts announce; the only place in accounts that knows of ``django_shopcore.notifications``.

Tokens, and whether there is an account at all, are for the worker to find out: see the ``prepare`` of the kinds.
"""

from . import addresses, passwords, registrations, sign_ins

__all__ = ["addresses", "passwords", "registrations", "sign_ins"]
