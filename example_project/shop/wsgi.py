import os

from django_shopcore.catalog.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

application = get_wsgi_application(
    answered="shop.middleware.answered", adds=["X-Request-ID"], around="shop.middleware.around"
)
