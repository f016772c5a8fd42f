"""A budget of statements is kept, and what exceeds it is shown."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client, TestCase, override_settings

from django_shopcore.catalog import get_product_model
from django_shopcore.testing import (
    CategoryFactory,
    ProductFactory,
    QueryBudgetMixin,
    ShopcoreClient,
    assert_constant_queries,
    make_user,
    query_budget,
)
from django_shopcore.testing.queries import _kind

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full", "swapped", "host_user", "catalog_only")]

PRODUCTS = "/api/v1/products/"
SERIALIZERS = "tests.testing.serializers"
# By which it is told that an answer that was kept is still right.
VERSIONS = 'SELECT "table", token FROM shopcore_core_tableversion'


def of_the_site(name: str) -> Any:
    return override_settings(SHOPCORE_CATALOG_PRODUCT_SERIALIZER=f"{SERIALIZERS}.{name}")


def count_users(times: int) -> None:
    get_user_model()._default_manager.count()
    for _ in range(times - 1):
        get_user_model()._default_manager.count()


def test_a_budget_may_be_used_up_and_not_exceeded() -> None:
    for used in (1, 2):
        with query_budget(2):
            count_users(used)
    with (
        pytest.raises(AssertionError, match="3 statements; the budget is 2:\n1. SELECT COUNT") as caught,
        query_budget(2),
    ):
        count_users(3)
    assert len(str(caught.value).splitlines()) == 4


def test_an_error_in_the_block_is_not_covered_up() -> None:
    with pytest.raises(TypeError), query_budget(0):
        count_users("many")  # type: ignore[arg-type]


def test_a_list_that_asks_as_often_whatever_it_shows_passes() -> None:
    assert assert_constant_queries(PRODUCTS, ProductFactory.create_batch) == 1
    with of_the_site("SetSerializer"):  # which needs whole rows, counted by themselves
        assert assert_constant_queries(PRODUCTS, ProductFactory.create_batch) == 2


def test_a_serializer_with_a_statement_per_row_fails_and_its_statement_is_shown() -> None:
    with of_the_site("RowSerializer"), pytest.raises(AssertionError) as caught:
        assert_constant_queries(PRODUCTS, ProductFactory.create_batch)
    first, *statements = str(caught.value).splitlines()
    assert first == f"GET {PRODUCTS}: 4 statements with 2 rows, 14 with 12. There are more of:"
    [statement] = statements
    assert re.match(r"10 x SELECT COUNT\(\*\) .* = \?", statement)


@pytest.mark.django_db(transaction=True)
def test_what_is_counted_is_what_a_reader_costs_whose_answer_is_not_kept() -> None:
    def make(number: int) -> None:
        ProductFactory.create_batch(number)
        ShopcoreClient().get(PRODUCTS)  # which keeps it

    make(1)
    with query_budget(1) as asked:
        ShopcoreClient().get(PRODUCTS)
    assert asked.captured_queries[0]["sql"].startswith(VERSIONS)
    with query_budget(1000) as asked:
        assert assert_constant_queries(PRODUCTS, make) == 1
    assert [query for query in asked.captured_queries if query["sql"].startswith(VERSIONS)] == []


def test_an_answer_that_does_not_grow_shows_nothing_and_fails() -> None:
    category = CategoryFactory()
    path = f"{PRODUCTS}?category={category.pk}"
    with pytest.raises(AssertionError, match="shows nothing of the rows"):
        assert_constant_queries(path, ProductFactory.create_batch)
    more = lambda number: ProductFactory.create_batch(number, category=category)  # noqa: E731
    assert assert_constant_queries(path, more) == 2


def test_a_request_that_fails_is_no_success() -> None:
    with pytest.raises(AssertionError, match=r"answered 400: .*page"):
        assert_constant_queries(f"{PRODUCTS}?page=0", ProductFactory.create_batch)


def test_the_client_may_be_somebody_and_the_rows_more() -> None:
    seen: list[int] = []
    admin = ShopcoreClient().as_admin()
    anonymous = assert_constant_queries(PRODUCTS, ProductFactory.create_batch)
    unpublished = lambda number: seen.append(number) or ProductFactory.create_batch(number, is_published=False)  # type: ignore[func-returns-value]  # noqa: E731
    assert assert_constant_queries(f"{PRODUCTS}?size=100", unpublished, client=admin, rows=(2, 30)) in (
        anonymous,
        anonymous + 1,  # who reads is looked up by the token
    )
    assert seen == [2, 2, 30]
    assert get_product_model().objects.filter(is_published=False).count() == 34


class TestAsATestCase(QueryBudgetMixin, TestCase):
    def test_methods_use_the_tests_client(self) -> None:
        self.client = Client(headers={"accept-language": "de"})
        with self.assertQueryBudget(1):
            make_user()
        self.assert_constant_queries(PRODUCTS, ProductFactory.create_batch)
        with of_the_site("RowSerializer"), pytest.raises(AssertionError, match="There are more of"):
            self.assert_constant_queries(PRODUCTS, ProductFactory.create_batch)


class TestAsAnOrdinaryClass(QueryBudgetMixin):
    def test_methods_bring_a_client(self) -> None:
        assert self.assert_constant_queries(PRODUCTS, ProductFactory.create_batch) == 1
        with pytest.raises(AssertionError, match="the budget is 0"), self.assertQueryBudget(0):
            count_users(1)


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT a FROM t2 WHERE a = 'it''s' AND b = -1.5", "SELECT a FROM t2 WHERE a = ? AND b = -?"),
        ("WHERE id IN ('9a'::uuid, '9b'::uuid) AND c = '[]'::jsonb", "WHERE id IN (...) AND c = ?"),
        ("WHERE id IN (1) LIMIT 21", "WHERE id IN (...) LIMIT ?"),
    ],
)
def test_statements_are_of_one_kind_whatever_their_values(sql: str, kind: str) -> None:
    assert _kind(sql) == kind
