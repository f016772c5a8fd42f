"""A made-up catalogue by Oscar's own models, with one of each thing that Oscar knows. For ``manage.py shell``."""

import datetime
from decimal import Decimal
from io import BytesIO

from django.core.files.base import ContentFile
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.core.loading import get_model
from PIL import Image

Product, ProductClass, ProductAttribute = (
    get_model("catalogue", name) for name in ("Product", "ProductClass", "ProductAttribute")
)
ProductImage, OptionGroup, Option = (
    get_model("catalogue", name) for name in ("ProductImage", "AttributeOptionGroup", "AttributeOption")
)
Partner, StockRecord = (get_model("partner", name) for name in ("Partner", "StockRecord"))

goods = ProductClass.objects.create(name="Goods")
files = ProductClass.objects.create(name="Files", track_stock=False, requires_shipping=False)
north, south = Partner.objects.create(name="North"), Partner.objects.create(name="South")

sizes = OptionGroup.objects.create(name="Sizes")
small, large = (Option.objects.create(group=sizes, option=size) for size in ("Small", "Größe L"))
for code, kind in [
    ("watts", "integer"),
    ("dimmable", "boolean"),
    ("weight", "float"),
    ("since", "date"),
    ("care", "richtext"),
]:
    ProductAttribute.objects.create(product_class=goods, name=code.title(), code=code, type=kind)
for code, kind in [("size", "option"), ("sizes", "multi_option")]:
    ProductAttribute.objects.create(product_class=goods, name=code.title(), code=code, type=kind, option_group=sizes)

lamps = create_from_breadcrumbs("Home|Lighting|Lámpas", separator="|")
arrows = create_from_breadcrumbs("Home|Cups > Mugs", separator="|")
sale = create_from_breadcrumbs("Sale")


def product(title, *categories, product_class=goods, attributes=None, **fields):
    made = Product(title=title, product_class=product_class, **fields)
    for code, value in (attributes or {}).items():
        setattr(made.attr, code, value)
    made.save()
    made.categories.add(*categories)
    return made


def child(parent, price, stock, sku, **fields):
    attributes = fields.pop("attributes", {})
    made = Product(parent=parent, structure=Product.CHILD, **fields)
    for code, value in attributes.items():
        setattr(made.attr, code, value)
    made.save()
    sell(made, price, stock, sku)
    return made


def sell(item, price, stock, sku, partner=north, **fields):
    price = None if price is None else Decimal(price)
    return StockRecord.objects.create(
        product=item, partner=partner, partner_sku=sku, price_currency="EUR", price=price, num_in_stock=stock, **fields
    )


def picture(item, name, order=0):
    data = BytesIO()
    Image.new("RGB", (2, 2)).save(data, "PNG")
    ProductImage.objects.create(product=item, original=ContentFile(data.getvalue(), name), display_order=order)


lamp = product(
    "Lámpara de mesa",
    lamps,
    sale,
    upc="4006381333931",
    description="<p>Warm &amp; bright.</p><ul><li>Three steps</li></ul>",
    attributes={
        "watts": 12,
        "dimmable": True,
        "weight": 1.25,
        "since": datetime.date(2024, 5, 1),
        "size": large,
        "sizes": [small, large],
        "care": "<b>Dust</b> it.",
    },
)
sell(lamp, "39.90", 5, "LAMP-1")
sell(lamp, "35.00", 9, "S-LAMP-1", partner=south)
picture(lamp, "second.png", order=1)
picture(lamp, "first.png", order=0)

mug = product('Mug "Rock, Pop"', arrows, upc="MUG", description="Plain text,\nin two lines.")
sell(mug, "9.50", 3, "MUG-1", num_allocated=3)

shirt = product("T-Shirt", sale, structure=Product.PARENT, description="Cotton.", attributes={"care": "Cold."})
child(shirt, "20.00", 0, "TS-S", upc="TS-S", title="T-Shirt, small", attributes={"size": small})
child(shirt, "15.50", 4, "TS-L", upc="TS-L", attributes={"size": large})
child(shirt, "1.00", 9, "TS-X", is_public=False)

manual = product("Manual", product_class=files)
sell(manual, "0.00", None, "PDF")

draft = product("Entwurf", lamps, is_public=False)
sell(draft, "7.00", 1, "DRAFT")

for number in (1, 2):
    twin = product("Twin", sale)
    sell(twin, "5.00", 1, f"TWIN-{number}")

japanese = product("日本茶", arrows, upc="CHA")
sell(japanese, "12.00", 2, "CHA-1")
