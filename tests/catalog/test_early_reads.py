"""``EarlyReads`` answers before Django only what Django would have answered, and counts it as Django does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, connection
from django.test import RequestFactory, override_settings
from django.urls import get_script_prefix

from django_shopcore.catalog import early_reads, get_product_model, middleware
from django_shopcore.catalog.early_reads import EarlyRead, EarlyReads
from django_shopcore.catalog.wsgi import get_wsgi_application
from django_shopcore.core import breakers
from django_shopcore.core.signals import rate_limited
from tests.factories.catalog import CategoryFactory, ProductFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full")]

HERE = __name__
OPEN_READS = "django_shopcore.catalog.middleware.OpenReadsMiddleware"
CHAIN = [f"{HERE}.before", OPEN_READS, f"{HERE}.after", "django.middleware.common.CommonMiddleware"]
LIST = "/api/v1/products/"
# Of every answer its own.
OF_THE_REQUEST = ("ratelimit", "ratelimit-policy")

change: list[Callable[[Any, Any], Any]] = []
told: list[EarlyRead] = []


def before(get_response: Any) -> Any:
    """Middleware that sees each request, and does to its answer what the test says."""

    def call(request: Any) -> Any:
        request.urlconf = request.META.get("HTTP_X_URLS")
        if request.urlconf is None:
            del request.urlconf
        response = get_response(request)
        for step in change:
            response = step(request, response)
        return response

    return call


def after(get_response: Any) -> Any:
    def call(request: Any) -> Any:
        response = get_response(request)
        response.headers["X-Site"] = "ours"
        return response

    return call


def answered(read: EarlyRead) -> dict[str, str]:
    told.append(read)
    return {"X-Early": "yes"}


class Site:
    """The site as a server sees it; ``reached`` are the requests that became Django's."""

    def __init__(self, **options: Any) -> None:
        self.reached: list[Any] = []
        self.django = WSGIHandler()
        self.application = EarlyReads(self._django, **options)

    def _django(self, environ: Any, start_response: Any) -> Any:
        self.reached.append(environ)
        return self.django(environ, start_response)

    def ask(
        self, path: str = LIST, method: str = "GET", application: Any = None, **environ: Any
    ) -> tuple[int, dict[str, str], bytes]:
        path, _, query = path.partition("?")
        own = RequestFactory()._base_environ(
            PATH_INFO=path, QUERY_STRING=query, REQUEST_METHOD=method, **{"HTTP_HOST": "testserver", **environ}
        )
        own.pop("HTTP_COOKIE", None)
        seen: list[Any] = []
        result = (application or self.application)(own, lambda *started: seen.append(started))
        body = b"".join(result)
        if hasattr(result, "close"):
            result.close()
        (status, headers), *_ = seen
        assert len(dict(headers)) == len(headers)
        return int(status.split()[0]), {name.lower(): value for name, value in headers}, body

    def reaching(self, times: int = 3, **environ: Any) -> int:
        """How many of so many requests become Django's; all must be answered alike."""
        self.reached.clear()
        answers = [self.ask(**environ) for _ in range(times)]
        assert {status for status, *_ in answers} == {200}
        assert len({body for *_, body in answers}) == 1
        return len(self.reached)


@pytest.fixture(autouse=True)
def shop(redis_url: str) -> Iterator[None]:
    caches = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_url}}
    with override_settings(MIDDLEWARE=CHAIN, CACHES=caches):
        cache.clear()
        ProductFactory(name="old", category=CategoryFactory(name="shelf"))
        yield
        cache.clear()
    change.clear()
    told.clear()
    middleware._forget()
    early_reads._forget()
    breakers.close_all()


def without(headers: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}


def test_what_was_answered_once_by_what_is_learnt_is_answered_before_django() -> None:
    site = Site()
    first = site.ask()
    assert site.reaching(times=4) == 2, "one that the route is learnt from, and one that the URL is"
    status, headers, body = site.ask()
    assert (status, body) == (first[0], first[2])
    assert without(headers, *OF_THE_REQUEST) == without(first[1], *OF_THE_REQUEST)
    assert headers["x-site"] == "ours"
    assert headers.keys() == first[1].keys()


def test_an_answer_is_the_same_as_django_s_own_to_the_client_s_own_version_too() -> None:
    site = Site()
    site.reaching()
    etag = site.ask()[1]["etag"]
    site.reached.clear()
    early = site.ask(HTTP_IF_NONE_MATCH=f'"another", {etag}')
    assert not site.reached
    theirs = site.ask(application=site.django, HTTP_IF_NONE_MATCH=etag)
    assert (early[0], early[2]) == (theirs[0], theirs[2]) == (304, b"")
    assert without(early[1], *OF_THE_REQUEST) == without(theirs[1], *OF_THE_REQUEST)
    assert site.ask(HTTP_IF_NONE_MATCH='"another"')[0] == 200


def test_clients_that_have_the_answer_teach_it_too_but_not_what_becomes_of_bodies() -> None:
    site = Site()
    _, headers, body = site.ask()
    known = {"HTTP_IF_NONE_MATCH": headers["etag"]}
    seen = [site.ask(**known) for _ in range(6)]
    assert {(status, nothing) for status, _, nothing in seen} == {(304, b"")}
    # Django's own adds the length of nothing.
    same = [without(headers, *OF_THE_REQUEST, "content-length") for _, headers, _ in seen]
    assert same == [same[0]] * len(same)
    assert same[0]["x-site"] == "ours"
    site.reached.clear()
    assert site.ask(**known)[0] == 304
    assert not site.reached
    change.append(shouting)
    assert site.ask()[2] == body.upper(), "other middleware has a say in bodies"
    assert site.reached
    change.clear()
    site.reached.clear()
    assert (site.ask()[0], site.ask()[2]) == (200, body)
    assert len(site.reached) == 1


def shouting(request: Any, response: Any) -> Any:
    response.content = response.content.upper()
    return response


@pytest.mark.parametrize(
    "write",
    [
        lambda: get_product_model().objects.update(name="new"),
        lambda: [row.delete() for row in get_product_model().objects.all()],
        lambda: ProductFactory(name="another"),
    ],
    ids=["update", "delete", "create"],
)
def test_no_read_after_a_write_shows_what_it_replaced(write: Callable[[], Any]) -> None:
    site = Site()
    site.reaching()
    old = site.ask()
    write()
    new = site.ask()
    assert new[2] != old[2]
    assert new[1]["etag"] != old[1]["etag"]
    assert site.reaching() == 0, "it goes on from what Django has answered and kept"
    assert site.ask()[2] == new[2]


def test_every_request_counts_once_and_the_one_too_many_is_refused_as_ever() -> None:
    refused: list[Any] = []

    def note(**kwargs: Any) -> None:
        refused.append(kwargs["request"])

    rate_limited.connect(note)
    try:
        with override_settings(SHOPCORE_CATALOG_READ_RATE="6/m"):
            site = Site()
            answers = [site.ask() for _ in range(5)]
            cache.delete_many(list(_bodies()))
            answers += [site.ask() for _ in range(3)]
    finally:
        rate_limited.disconnect(note)
    assert [status for status, *_ in answers] == [200] * 6 + [429] * 2
    left = [headers["ratelimit"].partition(";t=")[0].rpartition("=")[2] for _, headers, _ in answers]
    assert left == ["5", "4", "3", "2", "1", "0", "0", "0"]
    assert answers[-1][1]["content-type"] == "application/problem+json"
    assert len(refused) == 2
    assert all(request.path == LIST for request in refused), "receivers get a request of Django's"
    assert len(site.reached) == 5, "three to learn from, and those that are refused"


def _bodies() -> Iterator[str]:
    from django_shopcore.core.redis_scripts import redis_client

    for key in redis_client(cache).scan_iter("*shopcore:body:*"):
        yield key.decode().partition(":1:")[2]


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_AUTHORIZATION": "Bearer nonsense"},
        {"HTTP_COOKIE": "a=b"},
        {"HTTP_ORIGIN": "https://shop.example"},
        {"REMOTE_USER": "ann"},
        {"REQUEST_METHOD": "HEAD"},
        {"REQUEST_METHOD": "POST"},
        {"SCRIPT_NAME": "/shop"},
        {"HTTP_HOST": "other.example"},
        {"wsgi.url_scheme": "https"},
        {"PATH_INFO": "/api/v1/categories/"},
    ],
    ids=str,
)
def test_another_request_is_another_matter(environ: dict[str, str]) -> None:
    site = Site()
    site.reaching()
    site.reached.clear()
    own = RequestFactory()._base_environ(PATH_INFO=LIST, QUERY_STRING="", HTTP_HOST="testserver")
    own.pop("HTTP_COOKIE", None)
    list(site.application({**own, **environ}, lambda *started: None))
    assert len(site.reached) == 1


def test_what_a_proxy_says_of_the_scheme_is_part_of_the_url() -> None:
    with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
        ProductFactory.create_batch(2)
        site = Site()
        for _ in range(4):
            for scheme in ("http", "https"):
                body = site.ask(f"{LIST}?size=1", HTTP_X_FORWARDED_PROTO=scheme)[2].decode()
                assert f'"next":"{scheme}://testserver/' in body.replace(": ", ":")


def marked(request: Any, response: Any) -> Any:
    response.headers["X-Early"] = "no"
    return response


def numbered(request: Any, response: Any) -> Any:
    response.headers["X-Number"] = "1"
    return response


def with_cookie(request: Any, response: Any) -> Any:
    response.set_cookie("a", "b")
    return response


def another_vary(request: Any, response: Any) -> Any:
    response.headers["Vary"] = "Accept-Language"
    return response


def rewritten(request: Any, response: Any) -> Any:
    response.content = response.content.replace(b"old", b"bad")
    return response


def without_one(request: Any, response: Any) -> Any:
    response.headers.pop("X-Site", None)
    return response


@pytest.mark.parametrize(
    "step", [numbered, with_cookie, another_vary, rewritten, without_one], ids=lambda step: step.__name__
)
def test_where_middleware_before_ours_changes_the_answer_all_is_django_s(step: Any) -> None:
    site = Site()
    change.append(step)
    assert site.reaching(times=5) == 5


def test_where_middleware_before_ours_chooses_the_routes_all_is_django_s() -> None:
    site = Site()
    assert site.reaching(times=5, HTTP_X_URLS=settings.ROOT_URLCONF) == 5
    with override_settings(**NOTHING_KEPT):
        assert site.reaching(times=5, HTTP_X_URLS=settings.ROOT_URLCONF) == 5


def test_what_is_done_for_a_read_before_django_is_told_and_adds_its_headers() -> None:
    change.append(marked)
    site = Site(answered=answered, adds=["X-EARLY"])
    assert site.ask()[1]["x-early"] == "no"
    site.reaching()
    _status, headers, _ = site.ask(HTTP_X_REQUEST_ID="of-a-test")
    assert headers["x-early"] == "yes"
    read = told[-1]
    assert (read.path, read.route, read.status) == (LIST, "api/v1/products/", 200)
    assert read.environ["HTTP_X_REQUEST_ID"] == "of-a-test"
    assert 0 < read.seconds < 10
    site.ask(HTTP_IF_NONE_MATCH=headers["etag"])
    assert told[-1].status == 304


def test_without_redis_answers_are_made_before_django_too() -> None:
    site = Site()
    site.reaching()
    with mock.patch("socket.socket.connect", side_effect=ConnectionRefusedError):
        cache._cache.get_client(None, write=True).connection_pool.disconnect()
        assert site.reaching(times=2) == 0
    with override_settings(CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}):
        assert site.reaching(times=5) == 3


NOTHING_KEPT = {"SHOPCORE_CATALOG_CACHE": 0}


def test_what_is_not_kept_is_made_before_django_and_is_the_same() -> None:
    first, *others = ProductFactory.create_batch(3)
    with override_settings(**NOTHING_KEPT):
        site = Site()
        site.reaching(path=f"{LIST}{first.pk}/")
        site.reached.clear()
        for product in others:
            early = site.ask(f"{LIST}{product.pk}/?fields=id,name")
            assert not site.reached, "the route is known, if not the URL"
            theirs = site.ask(f"{LIST}{product.pk}/?fields=id,name", application=site.django)
            assert (early[0], early[2]) == (theirs[0], theirs[2])
            assert without(early[1], *OF_THE_REQUEST) == without(theirs[1], *OF_THE_REQUEST)
            again = site.ask(f"{LIST}{product.pk}/", HTTP_IF_NONE_MATCH=early[1]["etag"])
            assert (again[0], again[2]) == (304, b"")
            assert again[1]["x-site"] == "ours"
        assert not site.reached


@override_settings(
    SHOPCORE_CATALOG_CACHE=0,
    ALLOWED_HOSTS=["testserver", "other.example"],
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
)
def test_links_of_what_is_made_before_django_name_the_site_that_was_asked() -> None:
    ProductFactory(name="new")
    site = Site()

    def link(**environ: Any) -> str:
        return str(json.loads(site.ask(f"{LIST}?size=1", **environ)[2])["next"])

    for _ in range(5):  # three that teach, one that finds out the address and one that knows it
        assert link() == f"http://testserver{LIST}?page=2&size=1"
        assert link(SERVER_PORT="8000", HTTP_X_FORWARDED_PROTO="https") == f"https://testserver{LIST}?page=2&size=1"
        assert link(HTTP_HOST="other.example") == f"http://other.example{LIST}?page=2&size=1"
        assert site.ask(HTTP_HOST="evil.example")[0] == 400
    site.reached.clear()
    assert link(HTTP_HOST="other.example")
    assert not site.reached, "it was made before Django"


def test_a_host_that_is_not_allowed_any_more_is_refused() -> None:
    with override_settings(SHOPCORE_CATALOG_CACHE=0):
        site = Site()
        with override_settings(ALLOWED_HOSTS=["testserver", "other.example"]):
            assert [site.ask(HTTP_HOST="other.example")[0] for _ in range(3)] == [200] * 3
        assert site.ask(HTTP_HOST="other.example")[0] == 400


def test_another_page_of_a_list_that_is_known_is_its_own() -> None:
    ProductFactory.create_batch(2)
    site = Site()
    site.reaching(path=f"{LIST}?size=1")
    site.reached.clear()
    for page in (2, 3, 2, 3):
        status, _, body = site.ask(f"{LIST}?size=1&page={page}")
        assert status == 200
        assert body == site.ask(f"{LIST}?size=1&page={page}", application=site.django)[2]
    assert not site.reached


@pytest.mark.parametrize("kept", [600, 0])
def test_nobody_s_encoding_changes_what_an_address_means_to_others(kept: int) -> None:
    ProductFactory(name="café")
    latin = {"CONTENT_TYPE": "text/plain; charset=iso-8859-1"}
    path = f"{LIST}?search=caf%C3%A9"  # which would be another word in Latin-1
    with override_settings(SHOPCORE_CATALOG_CACHE=kept):
        site = Site()
        site.reaching()
        for given in (latin, {}, latin, {}):
            for application in (None, site.django):
                body = json.loads(site.ask(path, application=application, **given)[2])
                assert [row["name"] for row in body["results"]] == ["café"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{LIST}999999999/", 404, "not_found"),
        # As a server hands it over (PEP 3333): the bytes of UTF-8 as characters.
        (f"{LIST}{'١'.encode().decode('latin-1')}/", 404, "not_found"),
        (f"{LIST}{'é'.encode().decode('latin-1')}/", 404, "not_found"),
        (f"{LIST}?page=0", 400, "invalid"),
        (f"{LIST}?ordering=secret", 400, "invalid"),
        (f"{LIST}?search=%00", 400, "invalid_text"),
        ("/api/v1/nothing/", 404, None),
    ],
)
def test_what_goes_wrong_before_django_is_answered_by_it(path: str, status: int, code: str | None) -> None:
    site = Site()
    site.reaching()
    site.reaching(path=f"{LIST}{get_product_model().objects.get().pk}/")
    site.reached.clear()
    found = site.ask(path)
    assert found[0] == status
    assert len(site.reached) == 1
    if code:
        assert found[1]["content-type"] == "application/problem+json"
        theirs = site.ask(path, application=site.django)
        assert found[2] == theirs[2]


def test_a_database_that_fails_before_django_is_asked_once_and_told_of_as_ever() -> None:
    asked: list[Any] = []

    def fail(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        asked.append(sql)
        raise OperationalError("the server closed the connection")

    with override_settings(**NOTHING_KEPT):
        site = Site()
        site.reaching()
        site.reached.clear()
        with connection.execute_wrapper(fail):
            status, headers, body = site.ask()
        assert (status, headers["content-type"]) == (503, "application/problem+json")
        assert b"closed the connection" not in body
        assert len(site.reached) == len(asked) == 1
        assert site.reaching() == 0


def test_a_connection_ends_with_the_request_as_the_site_says() -> None:
    with override_settings(**NOTHING_KEPT):
        site = Site()
        site.reaching()
        assert connection.settings_dict["CONN_MAX_AGE"] == 0
        assert connection.connection is None
        assert site.reaching() == 0
        assert connection.connection is None or connection.vendor == "sqlite", "a database in memory stays"


def watched(look: Callable[[], Any]) -> tuple[list[Any], Any]:
    """What ``look`` finds at each statement."""
    found: list[Any] = []

    def wrapper(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        found.append(look())
        return execute(sql, params, many, context)

    return found, connection.execute_wrapper(wrapper)


def test_a_connection_that_is_too_old_is_not_asked() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("a database in memory has one connection")
    with override_settings(**NOTHING_KEPT):
        site = Site()
        site.reaching()
        connection.ensure_connection()
        old, connection.close_at = connection.connection, time.monotonic() - 1
        found, watching = watched(lambda: connection.connection)
        with watching:
            assert site.reaching(times=1) == 0
        assert found
        assert old not in found


def test_addresses_are_made_below_the_site_s_prefix() -> None:
    with override_settings(**NOTHING_KEPT):
        site = Site()
        site.reaching()
        site.reaching(SCRIPT_NAME="/shop")
        found, watching = watched(get_script_prefix)
        with watching:
            assert site.reaching(times=1) == 0
            assert site.reaching(times=1, SCRIPT_NAME="/shop") == 0
        assert set(found) == {"/", "/shop/"}


def test_while_an_answer_is_made_the_site_s_context_holds() -> None:
    entered: list[Any] = []

    @contextmanager
    def around(environ: dict[str, Any]) -> Iterator[str]:
        entered.append(environ["PATH_INFO"])
        yield "made in time"
        entered.append("left")

    def sees(request: Any, response: Any) -> Any:
        assert len(entered) % 2 == 0
        return response

    change.append(sees)
    site = Site(answered=answered, around=around)
    site.reaching()
    assert not entered, "what Django answers, and what is kept"
    assert site.ask(f"{LIST}?size=1")[0] == 200
    assert entered == [LIST, "left"]
    assert [read.made for read in told][-1] == "made in time"
    assert site.ask(f"{LIST}?size=1")[0] == 200
    assert told[-1].made is None, "kept now"
    assert site.ask(f"{LIST}?page=77")[0] == 404
    assert entered == [LIST, "left"] * 2


def test_while_debugging_only_what_is_kept_is_answered_before_django() -> None:
    with override_settings(**NOTHING_KEPT, DEBUG=True):
        site = Site()
        assert site.reaching(times=5) == 5


def test_it_learns_anew_when_a_setting_has_changed() -> None:
    site = Site()
    site.reaching()
    with override_settings(**NOTHING_KEPT):
        assert site.reaching(times=5) == 3
    with override_settings(SHOPCORE_CATALOG_CDN_MAX_AGE=60):
        assert "s-maxage=60" in site.ask()[1]["cache-control"]


def test_each_object_is_its_own() -> None:
    products = ProductFactory.create_batch(3)
    site = Site()
    for _ in range(4):
        for product in products:
            assert f'"{product.slug}"'.encode() in site.ask(f"{LIST}{product.pk}/")[2]
    site.reached.clear()
    assert [site.ask(f"{LIST}{product.pk}/")[0] for product in products] == [200] * 3
    assert not site.reached


def test_the_application_of_a_site_takes_the_function_by_its_name() -> None:
    application = get_wsgi_application(answered=f"{HERE}.answered", adds=["X-Early"])
    site = Site()
    for _ in range(4):
        status, headers, _ = site.ask(application=application)
    assert (status, headers["x-early"], len(told)) == (200, "yes", 1)


@pytest.mark.parametrize("place", [0, 2], ids=["before the open reads", "after them"])
def test_a_site_of_several_languages_answers_each_caller_in_theirs(place: int) -> None:
    chain = [*CHAIN[:place], "django.middleware.locale.LocaleMiddleware", *CHAIN[place:]]
    with override_settings(MIDDLEWARE=chain):
        site = Site()
        assert site.reaching(times=6, HTTP_ACCEPT_LANGUAGE="de") == 6
        answers = {code: site.ask(HTTP_ACCEPT_LANGUAGE=code)[1] for code in ("en", "de", "ar")}
    assert {code: headers["content-language"] for code, headers in answers.items()} == {
        "en": "en",
        "de": "de",
        "ar": "ar",
    }
    assert {headers["vary"] for headers in answers.values()} == {"Authorization, Accept-Language"}
