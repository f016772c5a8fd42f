import gc
import os
from importlib import import_module

from django.conf import settings

from django_shopcore.catalog.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

application = get_wsgi_application(
    answered="shop.middleware.answered", adds=["X-Request-ID"], around="shop.middleware.around"
)

# What is loaded stays: without this the collector looks through all of it every few thousand requests, and one of them
# waits for that.
import_module(settings.ROOT_URLCONF)  # loads the views
gc.collect()
gc.freeze()
