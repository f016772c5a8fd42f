"""Who did what, on what, when and from where: an append-only log.

A site adds entries of its own::

    from django_shopcore import audit

    audit.record("order.refunded", obj=order, changes={"state": ("paid", "refunded")}, data={"amount": "19.90"})
"""

from .recording import CURRENT_USER, Line, record, record_many

__all__ = ["CURRENT_USER", "Line", "record", "record_many"]
