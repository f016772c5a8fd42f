"""Answers that show an extension: kept where its table is tracked, and right after any write to it either way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from django_shopcore.core import announcing
from django_shopcore.core.doctor import NOTE, OK, WRONG
from django_shopcore.core.tracking import TrackTable
from tests.catalog.extensions import ForSome, Short, not_extended, shown_by
from tests.catalog.shapes import PRODUCTS, path_of
from tests.core.cached_answers import SCRIPTED, ScriptedCache
from tests.core.doctors import advice, findings
from tests.factories.catalog import ProductFactory
from tests.projects.extras.models import Spec

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("extended", "extended_swapped")]

TRACKING = TrackTable("spec")
tracked_or_not = pytest.mark.parametrize("tracked", [True, False])
shared_only = pytest.mark.parametrize("shared", [True], indirect=True)
LISTS = ["", "?page=1&size=5", "?fields=id,spec", "?cursor=", "?ordering=price"]


def execute(statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture(autouse=True, params=[True, False], ids=["shared", "here"])
def shared(request: pytest.FixtureRequest) -> Iterator[bool]:
    ScriptedCache.reset()
    with override_settings(**({"CACHES": SCRIPTED} if request.param else {})):
        yield request.param


@pytest.fixture
def spec() -> Any:
    return Spec.objects.create(product=ProductFactory.create(), weight=1)


def track(wanted: bool) -> None:
    """As the site's migration has it, or as without it."""
    if not wanted:
        execute(TRACKING.drop_sql(connection, Spec))


@pytest.fixture(autouse=True)
def _tracked_again() -> Iterator[None]:
    yield
    execute(TRACKING.create_sql(connection, Spec))


def weight(client: APIClient, path: str, **headers: str) -> Any:
    body = client.get(path, headers=headers).json()
    return (body["results"][0] if "results" in body else body)["spec"]["weight"]


def statements(client: APIClient, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


@tracked_or_not
@pytest.mark.parametrize("query", LISTS)
def test_a_list_is_right_after_a_write_to_the_extensions_table_alone(
    anonymous: APIClient, spec: Any, query: str, tracked: bool
) -> None:
    track(tracked)
    for number in range(2, 5):
        assert weight(anonymous, f"{PRODUCTS}{query}") == number - 1
        assert weight(anonymous, f"{PRODUCTS}{query}") == number - 1
        Spec.objects.update(weight=number)


@tracked_or_not
def test_so_is_a_product_and_one_that_gets_or_loses_its_row(anonymous: APIClient, spec: Any, tracked: bool) -> None:
    track(tracked)
    path = path_of(spec.product)
    for number in range(2, 4):
        assert [weight(anonymous, path), weight(anonymous, path)] == [number - 1] * 2
        Spec.objects.update(weight=number)
    Spec.objects.all().delete()
    assert [anonymous.get(path).json()["spec"] for _ in range(2)] == [None, None]
    Spec.objects.bulk_create([Spec(product=spec.product, weight=7)])
    assert weight(anonymous, path) == 7


@tracked_or_not
@pytest.mark.parametrize("place", ["list", "detail"])
def test_a_clients_tag_holds_until_the_extension_changes(
    anonymous: APIClient, spec: Any, place: str, tracked: bool
) -> None:
    track(tracked)
    path = PRODUCTS if place == "list" else path_of(spec.product)
    tag = anonymous.get(path)["ETag"]
    for _turn in range(2):
        assert anonymous.get(path, headers={"if-none-match": tag}).status_code == 304
    Spec.objects.update(weight=2)
    response = anonymous.get(path, headers={"if-none-match": tag})
    assert (response.status_code, response["ETag"] != tag) == (200, True)


def test_a_list_that_its_reader_has_is_not_read_again(admin_client: APIClient, spec: Any) -> None:
    tag = admin_client.get(PRODUCTS)["ETag"]
    with CaptureQueriesContext(connection) as captured:
        assert admin_client.get(PRODUCTS, headers={"if-none-match": tag}).status_code == 304
    assert not any("extras_spec" in query["sql"] for query in captured.captured_queries)


def test_a_tracked_one_lets_the_answer_be_kept(anonymous: APIClient, spec: Any, shared: bool) -> None:
    for path in (PRODUCTS, path_of(spec.product)):
        again = [statements(anonymous, path) for _ in range(3)][-1]
        assert len(again) == (0 if shared else 1)
        assert not any("extras_spec" in sql for sql in again)


def test_an_untracked_one_does_not_and_answers_without_it_are_kept_all_the_same(
    anonymous: APIClient, spec: Any
) -> None:
    track(False)
    for path in (PRODUCTS, path_of(spec.product)):
        statements(anonymous, path)
        assert any("extras_spec" in sql for sql in statements(anonymous, path))
    without = f"{PRODUCTS}?fields=id,name"
    statements(anonymous, without)
    assert not any("shopcore_catalog_category" in sql or "_product" in sql for sql in statements(anonymous, without))


def test_what_depends_on_the_request_is_not_kept(anonymous: APIClient, spec: Any) -> None:
    with shown_by(ForSome):
        for path in (PRODUCTS, path_of(spec.product), f"{PRODUCTS}?fields=spec"):
            for headers in ({}, {"x-name": "Ada"}) * 2:
                body = anonymous.get(path, headers=headers).json()
                shown = (body["results"][0] if "results" in body else body)["spec"]
                assert ("colour" in shown) == bool(headers)


def test_another_serializer_does_not_get_what_was_kept_for_the_one_before(anonymous: APIClient, spec: Any) -> None:
    for _turn in range(2):
        assert "barcode" in anonymous.get(PRODUCTS).json()["results"][0]["spec"]
        with shown_by(Short):
            assert anonymous.get(PRODUCTS).json()["results"][0]["spec"] == {"weight": 1}
            assert anonymous.get(path_of(spec.product)).json()["spec"] == {"weight": 1}
        with not_extended():
            assert "spec" not in anonymous.get(PRODUCTS).json()["results"][0]


@shared_only
def test_its_table_is_watched_and_without_that_a_lease_would_have_to_end_first(
    anonymous: APIClient, spec: Any, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    weight(anonymous, PRODUCTS)
    Spec.objects.update(weight=2)
    assert weight(anonymous, PRODUCTS) == 2
    others = [getter for getter in announcing._watched if getter() is not Spec]
    monkeypatch.setattr(announcing, "_watched", others)
    for kept in (announcing._table_names, announcing._known_to_write):
        kept.cache_clear()
    Spec.objects.update(weight=3)
    assert weight(anonymous, PRODUCTS) == 2  # what the watch is there for
    for kept in (announcing._table_names, announcing._known_to_write):
        kept.cache_clear()


def test_a_lost_trigger_is_wrong_and_migrate_makes_it_again(anonymous: APIClient, spec: Any) -> None:
    assert findings("Catalogue", Spec._meta.label) == [(OK, "is tracked: answers that show it are kept")]
    lost = [statement for statement in TRACKING.drop_sql(connection, Spec) if "shopcore_update" in statement]
    execute(lost)
    [(level, said)] = findings("Catalogue", Spec._meta.label)
    assert (level, said.startswith("lacks trigger shopcore_update")) == (WRONG, True)
    call_command("migrate", verbosity=0)
    assert weight(anonymous, PRODUCTS) == 1
    Spec.objects.update(weight=2)
    assert weight(anonymous, PRODUCTS) == 2


def test_the_doctor_says_what_tracks_one_and_migrate_leaves_it_to_the_site(spec: Any) -> None:
    track(False)
    call_command("migrate", verbosity=0)
    assert findings("Catalogue", Spec._meta.label) == [(NOTE, "is not tracked: answers that show it are not kept")]
    assert advice("Catalogue", Spec._meta.label) == [
        'Run TrackTable("spec") of django_shopcore.core.tracking in a migration of extras.'
    ]
