"""Domain events of the catalogue, sent inside the transaction of the write: a receiver that raises undoes it.

Each is sent once per request, with everything the request did. ``sender`` is the model class; ``actor`` is
the user who asked for it, or ``None`` (a command).

``products_created``, ``products_updated``: ``products``, a list of saved instances.
``products_deleted``: ``products``, a list of instances as they were (their ``pk`` is kept).
``categories_created``, ``categories_updated``, ``categories_deleted``: ``categories``, likewise.
``products_import_goes_on``: ``created``, ``updated``: lists of products that an import has just written. It is sent for
each part of the file, and the import may yet be undone.
``products_imported``: ``report``, an ``ImportReport``; the import sends no other event per product.
"""

from django.dispatch import Signal

products_created = Signal()
products_updated = Signal()
products_deleted = Signal()
categories_created = Signal()
categories_updated = Signal()
categories_deleted = Signal()
products_import_goes_on = Signal()
products_imported = Signal()
