"""``OpenReadsMiddleware`` answers for the site's other middleware only where these would have said the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, override_settings
from django.utils.cache import patch_vary_headers
from rest_framework.test import APIClient

from django_shopcore.catalog import get_product_model, middleware
from tests.core.cached_answers import SCRIPTED, ScriptedCache
from tests.factories.catalog import CategoryFactory, ProductFactory
from tests.users import make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.projects("full")]

OPEN_READS = "django_shopcore.catalog.middleware.OpenReadsMiddleware"
LIST = "/api/v1/products/"
JWT = ["rest_framework_simplejwt.authentication.JWTAuthentication"]

seen: list[Any] = []
change: list[Callable[[Any, Any], Any]] = []


def spy(get_response: Any) -> Any:
    """Middleware behind ours: notes each request that gets there and does to its answer what the test says."""

    def call(request: Any) -> Any:
        seen.append(request)
        response = get_response(request)
        response.headers["X-Site"] = "ours"
        for step in change:
            response = step(request, response)
        return response

    return call


@pytest.fixture(autouse=True, params=["shared", "here"])
def site(request: pytest.FixtureRequest) -> Iterator[None]:
    ScriptedCache.reset()
    caches = {"CACHES": SCRIPTED} if request.param == "shared" else {}
    chain = [OPEN_READS, f"{__name__}.spy", "django.middleware.common.CommonMiddleware"]
    with override_settings(MIDDLEWARE=chain, SHOPCORE_AUTHENTICATION_CLASSES=JWT, **caches):
        ProductFactory(name="old", category=CategoryFactory(name="shelf"))
        yield
    seen.clear()
    change.clear()
    middleware._forget()


def reached(get: Callable[[], Any], times: int = 4) -> int:
    """How many of so many requests got past our middleware; all must be answered alike."""
    seen.clear()
    answers = [get() for _ in range(times)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    return len(seen)


def test_a_route_that_was_answered_twice_alike_is_answered_without_the_rest_of_the_middleware(client: Client) -> None:
    first = client.get(LIST)
    assert reached(lambda: client.get(LIST)) == 1, "the second of all"
    last = client.get(LIST)
    limits = ("RateLimit", "RateLimit-Policy")
    rest = [{name: value for name, value in got.items() if name not in limits} for got in (first, last)]
    assert rest[0] == rest[1]
    assert rest[1]["X-Site"] == "ours"
    assert first.json() == last.json()
    assert last.json()["results"][0]["name"] == "old"


def test_each_route_and_host_is_learnt_for_itself(client: Client) -> None:
    with override_settings(ALLOWED_HOSTS=["testserver", "other.example"]):
        assert reached(lambda: client.get(LIST)) == 2
        assert reached(lambda: client.get(LIST, {"page": 1})) == 0
        assert reached(lambda: client.get(f"{LIST}facets/")) == 2
        assert reached(lambda: client.get("/api/v1/categories/tree/")) == 2
        assert reached(lambda: client.get(LIST, headers={"host": "other.example"})) == 2
        assert reached(lambda: client.get(LIST, secure=True)) == 2
        assert client.get(LIST, headers={"host": "evil.example"}).status_code == 400
    with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
        assert reached(lambda: client.get(LIST)) == 2
        assert reached(lambda: client.get(LIST, headers={"x-forwarded-proto": "https"})) == 2


@pytest.mark.parametrize(
    "write",
    [
        lambda: get_product_model().objects.update(name="new"),
        lambda: [row.delete() for row in get_product_model().objects.all()],
        lambda: ProductFactory(name="another"),
    ],
    ids=["update", "delete", "create"],
)
def test_no_read_after_a_write_shows_what_it_replaced(client: Client, write: Callable[[], Any]) -> None:
    reached(lambda: client.get(LIST))
    before = client.get(LIST).json()
    write()
    after = client.get(LIST)
    assert after.json() != before
    names = [row["name"] for row in after.json()["results"]]
    assert sorted(names) == sorted(get_product_model().objects.values_list("name", flat=True))
    assert reached(lambda: client.get(LIST)) == 0, "it goes on by what it has learnt"


def test_the_client_s_own_version_is_304(client: Client) -> None:
    reached(lambda: client.get(LIST))
    etag = client.get(LIST)["ETag"]
    seen.clear()
    answer = client.get(LIST, headers={"if-none-match": etag})
    assert (answer.status_code, answer.content, answer["ETag"], answer["X-Site"], len(seen)) == (
        304,
        b"",
        etag,
        "ours",
        0,
    )
    with override_settings(SHOPCORE_CATALOG_CACHE=0):
        reached(lambda: client.get(LIST))
        etag = client.get(LIST)["ETag"]
        seen.clear()
        answer = client.get(LIST, headers={"if-none-match": etag})
        assert (answer.status_code, answer.content, answer["X-Site"], len(seen)) == (304, b"", "ours", 0)
    assert client.get(LIST, headers={"if-none-match": '"another"'}).status_code == 200


def test_every_request_counts_and_the_one_too_many_is_refused_as_ever(client: Client, redis_url: str) -> None:
    redis = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_url}}
    with override_settings(CACHES=redis, SHOPCORE_CATALOG_READ_RATE="5/m"):
        cache.clear()
        answers = [client.get(LIST) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert [answer["RateLimit"].partition(";t=")[0] for answer in answers[:6]] == [
        f'"catalog-read";r={left}' for left in (4, 3, 2, 1, 0, 0)
    ]
    assert answers[-1].json()["code"] == "rate_limited"
    assert len(seen) == 4, "the two it learns from, and the two that are refused"


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://shop.example"}, {"cookie": "a=b"}, {"authorization": "Bearer nonsense"}],
    ids=["origin", "cookie", "authorization"],
)
def test_a_request_with_something_personal_goes_all_the_way(client: Client, headers: dict[str, str]) -> None:
    reached(lambda: client.get(LIST))
    seen.clear()
    client.get(LIST, headers=headers)
    assert len(seen) == 1


def test_whoever_is_signed_in_by_the_test_client_goes_all_the_way() -> None:
    anonymous, admin = APIClient(), APIClient()
    admin.force_authenticate(make_user(admin=True))
    reached(lambda: anonymous.get(LIST))
    seen.clear()
    assert admin.get(LIST)["Cache-Control"] == "private, no-cache"
    assert len(seen) == 1


@pytest.mark.parametrize("method", ["head", "options", "post", "delete"])
def test_other_methods_go_all_the_way(client: Client, method: str) -> None:
    reached(lambda: client.get(LIST))
    seen.clear()
    getattr(client, method)(LIST)
    assert len(seen) == 1


numbers = itertools.count()


def number(request: Any, response: Any) -> Any:
    response.headers["X-Number"] = str(next(numbers))
    return response


def by_language(request: Any, response: Any) -> Any:
    patch_vary_headers(response, ["Accept-Language"])
    return response


def with_cookie(request: Any, response: Any) -> Any:
    response.set_cookie("a", "b")
    return response


def wrapped(request: Any, response: Any) -> Any:
    return HttpResponse(b"(" + response.content + b")", headers=dict(response.items()))


def rewritten(request: Any, response: Any) -> Any:
    response.content = response.content.replace(b"old", b"very old")
    return response


def for_a_day(request: Any, response: Any) -> Any:
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


@pytest.mark.parametrize(
    "step", [for_a_day, number, by_language, with_cookie, wrapped, rewritten], ids=lambda step: step.__name__
)
def test_middleware_that_treats_each_answer_in_its_own_way_is_always_asked(step: Any) -> None:
    change.append(step)
    assert reached(lambda: Client().get(LIST)) == 4


def test_who_is_found_by_other_middleware_is_always_looked_for(client: Client) -> None:
    with override_settings(SHOPCORE_AUTHENTICATION_CLASSES=["rest_framework.authentication.SessionAuthentication"]):
        assert reached(lambda: client.get(LIST)) == 4


def test_it_learns_anew_when_a_setting_has_changed(client: Client) -> None:
    reached(lambda: client.get(LIST))
    with override_settings(SHOPCORE_CATALOG_CDN_MAX_AGE=60):
        assert "s-maxage=60" in client.get(LIST)["Cache-Control"]


def test_with_nothing_kept_the_answers_are_made_anew(client: Client) -> None:
    with override_settings(SHOPCORE_CATALOG_CACHE=0):
        assert reached(lambda: client.get(LIST)) == 2
        get_product_model().objects.update(name="new")
        assert client.get(LIST).json()["results"][0]["name"] == "new"


def test_made_up_parameters_are_read_without_being_kept(client: Client) -> None:
    reached(lambda: client.get(LIST))
    assert reached(lambda: client.get(LIST, {"utm_source": "mail"})) == 0
    assert len(middleware._urls._kept) == 1


def test_links_name_the_host_that_was_asked(client: Client) -> None:
    ProductFactory.create_batch(3)
    with override_settings(ALLOWED_HOSTS=["testserver", "other.example"]):
        for _ in range(4):
            for host in ("testserver", "other.example"):
                answer = client.get(LIST, {"size": 2}, headers={"host": host})
                assert answer.json()["next"].startswith(f"http://{host}/")


def test_every_object_of_a_route_is_its_own(client: Client) -> None:
    products = ProductFactory.create_batch(4)
    for _ in range(2):
        for product in products:
            assert client.get(f"{LIST}{product.pk}/").json()["name"] == product.name
    seen.clear()
    assert [client.get(f"{LIST}{product.pk}/").json()["name"] for product in products] == [p.name for p in products]
    assert not seen


@pytest.mark.parametrize(
    ("path", "status"),
    [("999999/", 404), ("none/", 404), ("?page=x", 400), ("?page=99", 404), ("?fields=nothing", 400)],
)
def test_what_is_no_answer_goes_all_the_way(client: Client, path: str, status: int) -> None:
    reached(lambda: client.get(LIST))
    product = get_product_model().objects.get()
    reached(lambda: client.get(f"{LIST}{product.pk}/"))
    seen.clear()
    answers = [client.get(f"{LIST}{path}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status] * 3
    assert {answer["X-Site"] for answer in answers} == {"ours"}
    assert len(seen) == 3


def test_long_paths_are_looked_up_without_being_kept(client: Client) -> None:
    reached(lambda: client.get(LIST))
    before = middleware._resolved.cache_info().currsize
    assert client.get(f"{LIST}{'9' * 300}/").status_code == 404
    assert middleware._resolved.cache_info().currsize == before


def test_middleware_that_chooses_other_routes_is_heeded(client: Client) -> None:
    reached(lambda: client.get(LIST))
    with override_settings(ROOT_URLCONF="tests.core.views"):
        assert client.get(LIST).status_code == 404

    def elsewhere(get_response: Any) -> Any:
        def call(request: Any) -> Any:
            request.urlconf = request.META.get("HTTP_X_URLS")
            return get_response(request)

        return call

    reached(lambda: client.get(LIST))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "elsewhere", elsewhere)
        with override_settings(MIDDLEWARE=[f"{__name__}.elsewhere", *settings.MIDDLEWARE]):
            other = Client()  # one keeps the middleware that it began with
            reached(lambda: other.get(LIST))
            assert other.get(LIST, headers={"x-urls": "tests.core.views"}).status_code == 404
            assert other.get(LIST).status_code == 200


def test_other_middleware_still_sees_which_route_it_was(client: Client) -> None:
    reached(lambda: client.get(LIST))
    answer: Any = client.get(LIST)
    assert answer.wsgi_request.resolver_match.route.endswith("products/")


def test_behind_the_middleware_that_chooses_the_language_it_answers_in_all_of_them() -> None:
    locale = "django.middleware.locale.LocaleMiddleware"
    with override_settings(MIDDLEWARE=[locale, *settings.MIDDLEWARE]):
        assert reached(lambda: Client().get(LIST, headers={"accept-language": "de"})) == 2
        seen.clear()
        answers = [Client().get(LIST, headers={"accept-language": code}) for code in ("de", "ar", "en")]
    assert not seen
    assert [answer["Content-Language"] for answer in answers] == ["de", "ar", "en"]
    assert {answer["Vary"] for answer in answers} == {"Authorization, Accept-Language"}
