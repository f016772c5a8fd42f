"""Which admin pages there are, whoever comes first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SETTINGS = """
from tests.projects.base import *
from tests.projects.base import DJANGO_APPS
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}}
SHOPCORE_CATALOG_PRODUCT_MODEL = "wares.Product"
SHOPCORE_CATALOG_CATEGORY_MODEL = "wares.Category"
INSTALLED_APPS = {apps}
"""
MODELS = """
from django.db import models
from django_shopcore.catalog.abstract_models import AbstractCategory, AbstractProduct

class Category(AbstractCategory):
    class Meta(AbstractCategory.Meta):
        pass

class Product(AbstractProduct):
    class Meta(AbstractProduct.Meta):
        pass
"""
REPORT = """
import django
django.setup()
from django.contrib import admin
from django.core.management import call_command
from django_shopcore.catalog import get_category_model, get_product_model
for model in (get_product_model(), get_category_model()):
    found = type(admin.site.get_model_admin(model))
    print(found.__module__, found.__name__)
call_command("check")
"""
OURS = "django_shopcore.catalog.admin_products ProductAdmin\ndjango_shopcore.catalog.admin_categories CategoryAdmin\n"
THEIRS = "wares.admin Mine\nwares.admin Mine2\n"
WITHOUT_US = """
from django.contrib import admin
from .models import Category, Product
@admin.register(Product)
class Mine(admin.ModelAdmin): pass
@admin.register(Category)
class Mine2(admin.ModelAdmin): search_fields = ["name"]
"""
WITH_OURS = """
from django.contrib import admin
from django_shopcore.catalog.admin import CategoryAdmin, ProductAdmin
from .models import Category, Product
@admin.register(Product)
class Mine(ProductAdmin): list_display = ["name", "price", "in_stock"]
@admin.register(Category)
class Mine2(CategoryAdmin): pass
"""
BEFORE = '["wares", "django_shopcore.core", "django_shopcore.catalog", *DJANGO_APPS]'
AFTER = '["django_shopcore.core", "django_shopcore.catalog", *DJANGO_APPS, "wares"]'


def registered(folder: Path, apps: str, admin: str | None) -> str:
    """The admin classes of a fresh site's product and category."""
    package = folder / "wares"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "models.py").write_text(MODELS)
    if admin is not None:
        (package / "admin.py").write_text(admin)
    (folder / "site_settings.py").write_text(SETTINGS.format(apps=apps))
    path = os.pathsep.join(map(str, [folder, ROOT, ROOT / "src"]))
    environment = os.environ | {"PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "site_settings"}
    command = [sys.executable, "-W", "error", "-c", REPORT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("System check identified no issues (0 silenced).\n")


@pytest.mark.parametrize("apps", [BEFORE, AFTER], ids=["before", "after"])
@pytest.mark.parametrize(
    ("admin", "expected"),
    [(None, OURS), ("", OURS), (WITHOUT_US, THEIRS), (WITH_OURS, THEIRS)],
    ids=["no admin", "empty admin", "admin of its own", "admin from ours"],
)
def test_models_of_the_site_get_its_own_pages_or_else_ours(
    tmp_path: Path, apps: str, admin: str | None, expected: str
) -> None:
    assert registered(tmp_path, apps, admin) == expected
