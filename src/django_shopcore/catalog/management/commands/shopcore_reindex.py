from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import F

from django_shopcore.catalog import get_product_model
from django_shopcore.catalog.operations import SearchIndex
from django_shopcore.catalog.search import search_problems


class Command(BaseCommand):
    help = (
        "Makes what the search keeps in the database anew, for SHOPCORE_CATALOG_SEARCH_LANGUAGE. On PostgreSQL the "
        "table of products is rewritten: meanwhile nobody reads or writes it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, help="Alias of the database.")

    def handle(self, *args: Any, **options: Any) -> None:
        connection, model = connections[options["database"]], get_product_model()
        statements = SearchIndex(model._meta.model_name or "").rebuild_sql(connection, model)
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        products = model._default_manager.using(options["database"])
        # A write like any other, so that no cached answer of a search outlives what was searched.
        products.filter(pk__in=list(products.values_list("pk", flat=True)[:1])).update(name=F("name"))
        for problem in search_problems(connection, model):
            self.stderr.write(problem)
        done = "The search is made anew." if statements else "The search keeps nothing in this database."
        self.stdout.write(done)
