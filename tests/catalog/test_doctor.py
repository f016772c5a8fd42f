"""What ``shopcore_doctor`` says of the catalogue's tables and of the ways its views read."""

from __future__ import annotations

from typing import Any

import django_filters
import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import include, path
from rest_framework import pagination, serializers

from django_shopcore.catalog import filters, get_category_model, get_product_model
from django_shopcore.catalog.operations import list_indexes
from django_shopcore.catalog.search.postgresql_tables import index_names
from django_shopcore.catalog.serializers import ProductSerializer
from django_shopcore.catalog.views import ProductViewSet
from django_shopcore.core.doctor import NOTE, OK, WRONG
from django_shopcore.core.pagination import ShopcorePagination
from tests.core.doctors import advice, findings, report
from tests.factories.catalog import ProductFactory

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "swapped")]

POSTGRESQL = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL only")


def execute(sql: str, *params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def table() -> str:
    return str(get_product_model()._meta.db_table)


def product_findings() -> list[tuple[str, str]]:
    return findings("Catalogue", get_product_model()._meta.label)


def test_whole_tables_are_fine() -> None:
    assert product_findings() == [(OK, "has its triggers, its version and its indexes")]
    assert findings("Catalogue", get_category_model()._meta.label)[0][0] == OK


def test_a_lost_trigger_is_wrong_and_migrate_makes_it_again() -> None:
    sql = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'shopcore_insert_%%' AND tbl_name = %s"
    if connection.vendor == "postgresql":
        sql = "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'shopcore_insert_%%' AND tgrelid = to_regclass(%s)"
    [[trigger]] = execute(sql, table())
    execute(f"DROP TRIGGER {trigger}" + (f" ON {table()}" if connection.vendor == "postgresql" else ""))
    assert product_findings() == [(WRONG, f"lacks trigger {trigger}")]
    assert report()[0] == 1
    assert advice("Catalogue", get_product_model()._meta.label) == ["Run manage.py migrate, which makes them again."]
    call_command("migrate", verbosity=0)
    assert product_findings() == [(OK, "has its triggers, its version and its indexes")]


def test_a_lost_version_is_wrong() -> None:
    execute('DELETE FROM shopcore_core_tableversion WHERE "table" = %s', table())
    assert product_findings() == [(WRONG, f"lacks row {table()} of shopcore_core_tableversion")]


def test_a_lost_index_is_wrong() -> None:
    lost = next(iter(list_indexes(get_product_model())))
    execute(f"DROP INDEX {lost}")
    assert product_findings() == [(WRONG, f"lacks index {lost}")]
    meta = get_product_model()._meta
    assert advice("Catalogue", meta.label) == [
        f'Run ListIndexes("product") of django_shopcore.catalog.operations in a migration of {meta.app_label}.'
    ]


@POSTGRESQL
def test_an_index_whose_building_was_interrupted_is_wrong() -> None:
    broken = index_names(get_product_model())["vector"]
    execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)", broken)
    assert product_findings() == [(WRONG, f"has invalid indexes: {broken}")]
    assert findings("Catalogue", "search") == [(WRONG, f"index {broken}")]


@POSTGRESQL
def test_a_lost_search_column_is_wrong() -> None:
    execute(f"ALTER TABLE {table()} DROP COLUMN search_vector CASCADE")
    assert (WRONG, "column search_vector") in findings("Catalogue", "search")


def test_a_search_that_keeps_its_index_is_fine_and_anothers_is_not_ours_to_judge(settings: Any) -> None:
    levels = {level for level, _ in findings("Catalogue", "search")}
    uuids = connection.vendor == "sqlite" and table().startswith("store")  # FTS5 wants integers
    assert levels == ({NOTE} if uuids else {OK})
    settings.SHOPCORE_CATALOG_SEARCH_BACKEND = "django_shopcore.catalog.search.like.LikeSearch"
    said = "by django_shopcore.catalog.search.like.LikeSearch"
    assert findings("Catalogue", "search") == [(OK, said)]


@POSTGRESQL
def test_indexes_that_nobody_uses_are_noted_where_there_are_many_rows() -> None:
    assert findings("Catalogue", "indexes") == []
    ProductFactory.create()
    execute(f"UPDATE pg_class SET reltuples = 100000 WHERE relname = '{table()}'")
    [(level, said)] = findings("Catalogue", "indexes")
    assert (level, said.partition(":")[0]) == (NOTE, "not used since statistics began")
    # Which ones depends on what other tests have asked for.
    assert any(name in said for name in list_indexes(get_product_model()))
    assert report()[0] == 0


def test_read_limits_that_nothing_can_count_are_noted(settings: Any) -> None:
    assert findings("Catalogue", "read limits") == [(NOTE, "not enforced: there is no shared cache")]
    settings.CACHES = {"default": {"BACKEND": "tests.core.cached_answers.ScriptedCache"}}
    assert findings("Catalogue", "read limits") == [(OK, "counted in the shared cache")]
    settings.SHOPCORE_CATALOG_READ_RATE = settings.SHOPCORE_CATALOG_SEARCH_RATE = None
    assert findings("Catalogue", "read limits") == [(NOTE, "switched off")]


COMPILED = "compiled: SQL kept for each shape of request"
COLUMNS = "columns: the queryset is built for each request"
INSTANCES = "instances: rows become objects, which the serializer shows"
VIEW = "view: Django REST framework's ordinary way"


def test_our_own_views_read_compiled() -> None:
    subjects = ["ProductViewSet.list", "ProductViewSet.retrieve", "CategoryViewSet.list", "CategoryViewSet.retrieve"]
    assert [findings("Views", subject) for subject in subjects] == [[(OK, COMPILED)]] * 4


class OwnQuery(ProductViewSet):
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(in_stock=True)


class OwnList(ProductViewSet):
    def list(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return super().list(request, *args, **kwargs)


class OwnPagination(ProductViewSet):
    pagination_class = pagination.PageNumberPagination


class Smaller(ShopcorePagination):
    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        return super().paginate_queryset(queryset[:10], request, view)


class OwnPaginator(ProductViewSet):
    pagination_class = Smaller


class OwnBackends(ProductViewSet):
    filter_backends = [django_filters.rest_framework.DjangoFilterBackend]


class WithSearch(filters.ProductFilterSet):
    named = django_filters.CharFilter(method="by_name")
    cheap = django_filters.NumberFilter("price", lookup_expr="lt")

    def by_name(self, queryset: Any, name: str, value: Any) -> Any:
        return queryset.filter(name=value)


class OwnFilters(filters.ProductFilterSet):
    def filter_queryset(self, queryset: Any) -> Any:
        return super().filter_queryset(queryset)


class WithMethod(ProductSerializer):
    loud = serializers.SerializerMethodField()
    also = serializers.CharField(source="get_absolute_url", read_only=True)

    def get_loud(self, row: Any) -> str:
        return str(row.name.upper())


class Shouting(ProductSerializer):
    def to_representation(self, instance: Any) -> Any:
        return super().to_representation(instance)


class Upper(serializers.CharField):
    def to_representation(self, value: Any) -> str:
        return str(value).upper()


class OwnField(ProductSerializer):
    name = Upper(read_only=True)


class Choosing(ProductSerializer):
    def get_fields(self) -> Any:
        return super().get_fields()


class Failing(ProductViewSet):
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(name=self.request.headers["X-Tenant"])


views = [OwnQuery, OwnList, OwnPagination, OwnPaginator, OwnBackends, Failing]
urlpatterns = [
    path("api/v1/", include("django_shopcore.urls")),
    *(path(f"{view.__name__}/", view.as_view({"get": "list"})) for view in views),
]
HERE = __name__


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("view", "way", "named"),
    [
        (OwnQuery, COLUMNS, f"{HERE}.OwnQuery.get_queryset"),
        (OwnList, VIEW, f"{HERE}.OwnList.list"),
        (OwnPagination, VIEW, "pagination rest_framework.pagination.PageNumberPagination"),
        (OwnPaginator, VIEW, f"{HERE}.Smaller.paginate_queryset"),
        (OwnBackends, COLUMNS, "filter_backends"),
    ],
)
def test_a_view_of_the_sites_own_is_told_what_makes_it_slower(view: Any, way: str, named: str) -> None:
    subject = f"{view.__name__}.list"
    assert findings("Views", subject)[0] == (NOTE, way)
    assert advice("Views", subject)[0] == f"The site's own are: {named}."
    assert report()[0] == 0


@pytest.mark.parametrize(
    ("serializer", "named"),
    [
        (WithMethod, "field loud, field also"),
        (Shouting, f"{HERE}.Shouting.to_representation"),
    ],
)
def test_a_serializer_is_told_which_fields_want_instances(settings: Any, serializer: Any, named: str) -> None:
    settings.SHOPCORE_CATALOG_PRODUCT_SERIALIZER = f"{HERE}.{serializer.__name__}"
    for subject in ("ProductViewSet.list", "ProductViewSet.retrieve"):
        assert findings("Views", subject) == [(NOTE, INSTANCES)]
        assert advice("Views", subject) == [f"The site's own are: {named}."]


def test_a_field_that_may_ask_who_reads_keeps_responses_out_of_the_cache(settings: Any) -> None:
    settings.SHOPCORE_CATALOG_PRODUCT_SERIALIZER = f"{HERE}.OwnField"
    expected = [(OK, COMPILED), (NOTE, "not kept as responses, for field name")]
    assert findings("Views", "ProductViewSet.list") == expected


def test_a_serializer_that_chooses_its_fields_keeps_responses_out_of_the_cache(settings: Any) -> None:
    settings.SHOPCORE_CATALOG_PRODUCT_SERIALIZER = f"{HERE}.Choosing"
    expected = [(OK, COMPILED), (NOTE, f"not kept as responses, for {HERE}.Choosing.get_fields")]
    assert findings("Views", "ProductViewSet.list") == expected


def test_filters_that_only_the_filterset_understands_are_named(settings: Any) -> None:
    settings.SHOPCORE_CATALOG_PRODUCT_FILTERSET = f"{HERE}.WithSearch"
    expected = [(OK, COMPILED), (NOTE, "columns with the filters named")]
    assert findings("Views", "ProductViewSet.list") == expected


def test_a_filterset_with_work_of_its_own_is_named(settings: Any) -> None:
    settings.SHOPCORE_CATALOG_PRODUCT_FILTERSET = f"{HERE}.OwnFilters"
    assert findings("Views", "ProductViewSet.list") == [(NOTE, COLUMNS)]
    assert advice("Views", "ProductViewSet.list") == [f"The site's own are: {HERE}.OwnFilters.filter_queryset."]


@pytest.mark.urls(__name__)
def test_a_view_that_wants_a_real_request_is_told_so() -> None:
    [(level, said)] = findings("Views", "Failing.list")
    assert (level, said.split(" (")[0]) == (NOTE, "cannot be told without a request")


def abilities() -> dict[str, tuple[str, str]]:
    found = report()[1]["sections"]["Catalogue"]
    return {one["subject"]: (one["level"], one["said"]) for one in found}


def test_what_the_database_can_do_for_a_search_is_told() -> None:
    if connection.vendor == "sqlite":
        assert abilities()["full text"] == (OK, "FTS5")
        assert abilities()["trigrams"] == (NOTE, "not in SQLite: typing errors are not forgiven")
        return
    assert abilities()["full text"] == (OK, "built in")
    [[version]] = execute("SELECT extversion FROM pg_extension WHERE extname = 'pg_trgm'")
    assert abilities()["trigrams"] == (OK, f"pg_trgm {version}")


@POSTGRESQL
def test_an_extension_that_is_there_and_not_installed_is_told_with_what_to_do() -> None:
    execute("DROP EXTENSION pg_trgm CASCADE")
    assert abilities()["trigrams"] == (NOTE, "pg_trgm is there and not installed in this database")
    assert "CREATE EXTENSION pg_trgm" in advice("Catalogue", "trigrams")[0]
