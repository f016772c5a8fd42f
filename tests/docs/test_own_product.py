"""A Product of one's own, made as the page says."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

from tests.docs.pages import ROOT, blocks
from tests.docs.readers import Reader, needs_a_shell

PAGE = ROOT / "docs/how-to/own-product.md"
READ = """
import json
from django.test import Client
from django.urls import include, path
from django.conf import settings
from store.models import Maker

urlpatterns = [path("api/v1/", include("django_shopcore.urls"))]
settings.ROOT_URLCONF = __name__

def shown(query):
    client = Client(headers={"host": "localhost"})
    rows = [client.get("/api/v1/products/" + query).json()["results"] for _twice in range(2)]
    assert rows[0] == rows[1]
    return [[row[name] for name in ("name", "price", "maker_name", "unit", "colour")] for row in rows[0]]

before = shown("?maker=1&ordering=name")
Maker.objects.filter(pk=1).update(name="Anders")
print(json.dumps([before, shown("?maker_name=Anders&colour=red"), shown("?search=chair")]))
"""


@needs_a_shell
def test_a_product_of_ones_own_is_made_as_the_page_says(tmp_path: Path) -> None:
    with ExitStack() as stack:
        reader = Reader(tmp_path, stack)
        reader.start_project()
        for block in blocks(PAGE):
            if block.what:
                reader.do(block)

        assert json.loads(reader.python(READ).splitlines()[-1]) == [
            [["Desk lamp", "35.00", "Ünal", "piece", "red"], ["Linen", "12.50", "Ünal", "metre", ""]],
            [["Desk lamp", "35.00", "Anders", "piece", "red"]],
            [["Chair", "80.00", "Unknown", "piece", ""]],
        ]
        assert "\n0 wrong" in reader.type("python manage.py shopcore_doctor")
        assert reader.type("python manage.py makemigrations --check") == "No changes detected\n"
