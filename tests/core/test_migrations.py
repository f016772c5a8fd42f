"""Migrations in every kind of site: our models or the host's, our user or another, from zero and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

pytestmark = pytest.mark.projects(
    "full", "catalog_only", "accounts_only", "host_user", "swapped", "own_product", "email_user", "uuid_user"
)

AUTO_FIELDS = ["django.db.models.AutoField", "django.db.models.SmallAutoField"]

SITE = """
import json, sys
import django
from django.conf import settings
settings.DEFAULT_AUTO_FIELD = {auto_field!r} or settings.DEFAULT_AUTO_FIELD
django.setup()
from django.core.management import call_command
from django.db import connection
call_command("check", fail_level="ERROR")
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
if {migrate!r}:
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        tables = sorted(connection.introspection.table_names())
        with connection.cursor() as cursor:
            indexes = {{
                name for table in tables for name in connection.introspection.get_constraints(cursor, table)
            }}
        from django_shopcore.catalog import get_category_model, get_product_model
        category = get_category_model().objects.create(name="A")
        product = get_product_model().objects.create(name="B", price=1, category=category)
        for label in ("goods", "people"):
            if any(config.label == label for config in django.apps.apps.get_app_configs()):
                call_command("migrate", label, "0001", verbosity=0)
                call_command("migrate", label, verbosity=0)
        print(json.dumps({{"tables": tables, "indexes": sorted(indexes), "slug": product.slug}}))
    finally:
        connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)
"""


def in_a_site(project: str, *, migrate: bool, auto_field: str = "") -> Any:
    """Runs the script above in a process of its own, with warnings as errors."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": f"tests.projects.{project}",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SITE.format(migrate=migrate, auto_field=auto_field)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1]) if migrate else None


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.projects("full")
@pytest.mark.parametrize("auto_field", AUTO_FIELDS)
def test_none_is_missing_whatever_the_sites_default_key_is(auto_field: str) -> None:
    in_a_site("email_user", migrate=False, auto_field=auto_field)


@pytest.mark.projects("full")
def test_a_site_that_swaps_both_models_under_a_label_before_ours() -> None:
    site = in_a_site("swapped_both", migrate=True)
    assert {"goods_product", "goods_category", "shopcore_core_ratelimitwindow"} <= set(site["tables"])
    assert not {"shopcore_catalog_product", "shopcore_catalog_category"} & set(site["tables"])
    assert {"goods_product_slug_unique", "goods_category_root_name_unique"} <= set(site["indexes"])
    assert ("goods_product_search" in site["indexes"]) == (connection.vendor == "postgresql")
    assert site["slug"] == "b"


@pytest.mark.projects("full")
def test_a_site_with_a_user_of_its_own_that_has_an_integer_key() -> None:
    site = in_a_site("email_user", migrate=True)
    assert {"people_person", "shopcore_accounts_session", "shopcore_catalog_product"} <= set(site["tables"])
    assert "shopcore_accounts_user" not in site["tables"]


def indexes_of(table: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        return dict(connection.introspection.get_constraints(cursor, table))


@pytest.mark.django_db
@pytest.mark.projects("full", "catalog_only", "host_user", "swapped")
def test_every_ordering_has_an_index_and_search_has_one_on_postgresql() -> None:
    from django_shopcore.catalog import get_product_model

    table = get_product_model()._meta.db_table
    indexes = indexes_of(table)
    columns = [index["columns"] for index in indexes.values() if index["index"]]
    for first in ([], ["category_id"], ["in_stock"]):
        for ordering in ("created_at", "price", "name"):
            # The last one is not ordered by: it spares the look at the row.
            assert [*first, ordering, "id", "is_published"] in columns
    assert (f"{table}_search" in indexes) == (connection.vendor == "postgresql")


@pytest.mark.django_db(transaction=True)
@pytest.mark.projects("full", "swapped")
def test_the_search_index_goes_and_comes_back() -> None:
    from django_shopcore.catalog import get_product_model

    meta = get_product_model()._meta
    first = "0001"
    try:
        call_command("migrate", meta.app_label, first, verbosity=0)
        assert f"{meta.db_table}_search" not in indexes_of(meta.db_table)
    finally:
        call_command("migrate", meta.app_label, verbosity=0)
    assert (f"{meta.db_table}_search" in indexes_of(meta.db_table)) == (connection.vendor == "postgresql")


@pytest.mark.django_db(transaction=True)
@pytest.mark.projects("catalog_only")
def test_our_tables_go_and_come_back() -> None:
    ours = {"shopcore_catalog_category", "shopcore_catalog_product", "shopcore_core_ratelimitwindow"}
    try:
        for label in ("shopcore_catalog", "shopcore_core"):
            call_command("migrate", label, "zero", verbosity=0)
        assert not ours & set(connection.introspection.table_names())
    finally:
        call_command("migrate", verbosity=0)
    assert ours <= set(connection.introspection.table_names())


@pytest.mark.django_db
@pytest.mark.projects("full", "catalog_only", "host_user")
def test_the_first_migration_has_every_column_of_the_contract() -> None:
    with connection.cursor() as cursor:
        tables = {
            table: {column.name for column in connection.introspection.get_table_description(cursor, table)}
            for table in ("shopcore_catalog_product", "shopcore_catalog_category")
        }
    # The search's column is no model's field.
    tables["shopcore_catalog_product"].discard("search_vector")
    assert tables["shopcore_catalog_product"] == {
        *("id", "name", "slug", "sku", "description", "price", "compare_at_price", "currency", "category_id"),
        *("in_stock", "is_published", "image_url", "metadata", "private_metadata", "created_at", "updated_at"),
    }
    assert tables["shopcore_catalog_category"] == {
        *("id", "name", "slug", "parent_id", "metadata", "private_metadata", "created_at"),
    }
