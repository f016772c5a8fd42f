"""What the demo prints: where to look, how to sign in, and lines to paste into a second terminal."""

from __future__ import annotations

import json

from django_shopcore.catalog import get_product_model

from ..env import env
from .people import ADMIN, CUSTOMER

TEXT = """
{products:,} products

  API      {site}/api/v1/products/
  Swagger  {site}/swagger/
  ReDoc    {site}/redoc/
  Admin    {site}/admin/

  admin    {admin.email:<21} {admin.password}
  customer {customer.email:<21} {customer.password}

Mails are delivered by a thread of this server and {mails}; in production run manage.py shopcore_deliver.

For a second terminal: list products, sign in, create a product.

curl "{site}/api/v1/products/?search=headphones&max_price=200&in_stock=true&size=3"
TOKEN=$(curl -s -X POST {site}/api/v1/auth/login/ -H 'Content-Type: application/json' -d '{login}' \
| sed 's/.*"access": *"\\([^"]*\\)".*/\\1/')
curl -X POST {site}/api/v1/products/ -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
-d '{product}'
"""


def guide(site: str) -> str:
    manager = get_product_model()._default_manager
    example = manager.order_by("pk").values_list("category_id", flat=True).first()
    return TEXT.format(
        site=site,
        products=manager.count(),
        admin=ADMIN,
        customer=CUSTOMER,
        mails="go where EMAIL_URL says" if env.get("EMAIL_URL") else "printed to this terminal",
        login=json.dumps({"email": ADMIN.email, "password": ADMIN.password}),
        product=json.dumps({"name": "My first product", "price": "19.90", "category": example}),
    )
