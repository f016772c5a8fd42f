"""Whole responses are kept and shown as long as they are right, however their tables are written to."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.core.cache.backends.redis import RedisCacheClient
from django.core.checks import Tags, run_checks
from django.db import transaction
from django.test import override_settings

from django_shopcore.catalog import get_category_model, get_product_model
from django_shopcore.core import response_cache
from django_shopcore.core.response_cache import Answer, current_tokens, fetch, peek
from tests.core.cached_answers import (
    SCRIPTED,
    CacheError,
    Reader,
    ScriptedCache,
    names,
    place,
    product,
    shared_only,
    tables,
)
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.parallel import at_once, hang_up

__all__ = ["place", "product"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full")]


def test_an_answer_is_computed_once_and_kept(product: Any) -> None:
    reader = Reader()
    assert [reader.read() for _ in range(3)] == ["old in shelf"] * 3
    assert reader.computed == 1
    assert peek("names") == fetch("names", tables(), reader.compute)
    kept = peek("names")
    assert kept
    assert (kept.body, kept.etag) == (b"old in shelf", '"old in shelf"')
    assert kept.tokens == current_tokens(tables())
    assert peek("names of another host") is None


@pytest.mark.parametrize(("place", "statements"), [("shared", 0), ("here", 1)], indirect=["place"])
def test_looking_up_an_answer_takes_that_many_statements(
    product: Any, statements: int, django_assert_num_queries: Any
) -> None:
    reader = Reader()
    assert reader.read() == reader.read()
    ScriptedCache.calls.clear()
    with django_assert_num_queries(statements):
        assert peek("names")
    assert dict(ScriptedCache.calls) == ({} if statements else {"get_many": 1})


def test_inside_a_transaction_nothing_is_taken_from_the_cache_or_put_there(product: Any) -> None:
    reader = Reader()
    reader.read()
    with transaction.atomic():
        get_product_model().objects.update(name="new")
        assert (peek("names"), current_tokens(tables())) == (None, None)
        assert reader.read() == "new in shelf"
        transaction.set_rollback(True)
    assert reader.read() == "old in shelf"
    assert reader.computed == 2


def test_the_setting_0_turns_all_of_it_off(product: Any) -> None:
    reader = Reader()
    ScriptedCache.calls.clear()
    with override_settings(SHOPCORE_CATALOG_CACHE=0):
        assert [reader.read(), reader.read()] == ["old in shelf"] * 2
        assert peek("names") is None
        get_product_model().objects.update(name="new")
        assert current_tokens(tables()) == names().tokens
    assert (reader.computed, dict(ScriptedCache.calls)) == (2, {})


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: Answer(answer.body, answer.etag, None),
        lambda answer: Answer(answer.body, answer.etag, {tables()[0]: answer.tokens[tables()[0]]}),
        lambda answer: Answer(answer.body * 100_000, answer.etag, answer.tokens),
    ],
    ids=["without tokens", "with some of the tokens", "too large"],
)
def test_such_an_answer_is_not_kept(product: Any, change: Callable[[Any], Answer]) -> None:
    reader = Reader(lambda: change(names()))
    started = time.monotonic()
    assert reader.read() == reader.read()
    assert reader.computed == 2
    assert peek("names") is None
    assert time.monotonic() - started < 0.5, "nobody waits for what is not kept"


def test_an_error_is_passed_on_and_not_kept(product: Any) -> None:
    def fail() -> Answer:
        raise CacheError

    reader = Reader(fail)
    for _ in range(2):
        with pytest.raises(CacheError):
            reader.read()
    assert reader.computed == 2
    assert Reader().read() == "old in shelf"


def test_the_present_tokens_are_those_of_the_rows(product: Any) -> None:
    before = current_tokens(tables())
    assert before == {table: names().tokens[table] for table in tables()}  # type: ignore[index]
    get_category_model().objects.update(name="attic")
    after = current_tokens(tables())
    assert after
    assert [after[table] == before[table] for table in tables()] == [True, False]
    assert current_tokens([*tables(), "of_nobody"]) is None


@shared_only
def test_a_cache_that_fails_costs_readers_nothing_but_time(product: Any, caplog: pytest.LogCaptureFixture) -> None:
    def fail(moment: str, key: str) -> None:
        raise CacheError

    reader = Reader()
    reader.read()
    ScriptedCache.script.append(fail)
    ScriptedCache.calls.clear()
    assert (peek("names"), current_tokens(tables())) == (None, names().tokens and dict(names().tokens or {}))
    assert [reader.read(), reader.read()] == ["old in shelf"] * 2
    # It is left alone for a second; this process keeps its own meanwhile.
    assert (reader.computed, sum(ScriptedCache.calls.values())) == (2, 1)
    [said] = caplog.messages
    assert said.startswith("The cache 'default' failed (CacheError): the database stands in for it")


def shared(location: Any) -> Any:
    return override_settings(
        CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": location}}
    )


def storm(reader: Reader) -> list[str]:
    answers = at_once([reader.read] * 12)
    hang_up()
    return answers


@pytest.mark.parametrize("kept", ["for all", "here"])
def test_of_many_at_once_one_computes(kept: str, request: pytest.FixtureRequest) -> None:
    ProductFactory(name="old", category=CategoryFactory(name="shelf"))

    def slowly() -> Answer:
        time.sleep(0.1)
        return names()

    reader = Reader(slowly)
    if kept == "here":
        assert storm(reader) == ["old in shelf"] * 12
    else:
        with shared(request.getfixturevalue("redis_url")):
            cache.clear()
            assert storm(reader) == ["old in shelf"] * 12
    assert reader.computed == 1


def test_without_the_lock_all_of_them_would(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of the test above."""
    ProductFactory(name="old", category=CategoryFactory(name="shelf"))
    monkeypatch.setattr("django_shopcore.core.response_cache.PATIENCE", 0)

    def slowly() -> Answer:
        time.sleep(0.1)
        return names()

    reader = Reader(slowly)
    with shared(redis_url):
        cache.clear()
        assert storm(reader) == ["old in shelf"] * 12
    assert reader.computed > 1


def test_redis_keeps_answers_and_forgets_them_after_a_write(redis_url: str) -> None:
    ProductFactory(name="old", category=CategoryFactory(name="shelf"))
    reader = Reader()
    with shared(redis_url):
        cache.clear()
        assert [reader.read(), reader.read()] == ["old in shelf"] * 2
        assert peek("names")
        get_product_model().objects.update(name="new")
        assert peek("names") is None
        assert reader.read() == "new in shelf"
        cache.clear()
        assert [reader.read(), reader.read()] == ["new in shelf"] * 2
        hang_up()
    assert reader.computed == 3


@pytest.mark.parametrize("left", [("body", '"tag"', {}), "text", 7, {}, None], ids=str)
def test_what_another_release_has_left_is_replaced(redis_url: str, left: Any) -> None:
    ProductFactory(name="old", category=CategoryFactory(name="shelf"))
    reader = Reader()
    with shared(redis_url):
        cache.clear()
        reader.read()
        _, name = response_cache.places("names")
        cache.set(name, left)
        assert peek("names") is None
        assert [reader.read(), reader.read(), reader.read()] == ["old in shelf"] * 3
        assert peek("names")
        hang_up()
    assert reader.computed == 2, "once before, once after"


@pytest.mark.parametrize("location", ["redis://a:1/0,redis://b:1/0", ["redis://a:1/0", "redis://b:1/0"]])
def test_a_cache_of_several_servers_is_not_relied_on(location: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ProductFactory(name="old", category=CategoryFactory(name="shelf"))
    monkeypatch.setattr(RedisCacheClient, "get_client", lambda *args, **kwargs: pytest.fail("it was asked"))
    reader = Reader()
    with shared(location):
        assert [reader.read(), reader.read()] == ["old in shelf"] * 2
        get_product_model().objects.update(name="new")
        assert reader.read() == "new in shelf"


@pytest.mark.parametrize(
    ("settings", "reported"),
    [
        ({}, None),
        ({"SHOPCORE_CATALOG_CACHE_ALIAS": "of_nobody"}, "shopcore.E004"),
        ({"SHOPCORE_CATALOG_CACHE_ALIAS": "of_nobody", "SHOPCORE_CATALOG_CACHE": 0}, None),
        (
            {"CACHES": {"default": {"BACKEND": SCRIPTED["default"]["BACKEND"], "LOCATION": "a:1;b:1"}}},
            "shopcore.W004",
        ),
    ],
)
def test_a_cache_that_is_missing_or_divided_is_reported(settings: dict[str, Any], reported: str | None) -> None:
    with override_settings(**settings):
        messages = run_checks(tags=[Tags.caches])
    assert [message.id for message in messages] == ([reported] if reported else [])
