from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from django_shopcore import __version__
from django_shopcore.core import reading, replicas
from django_shopcore.core.access import ANYONE
from django_shopcore.core.addresses import absolute_url
from django_shopcore.core.binding import Binding, UnboundError
from django_shopcore.core.conditional import digest, names
from django_shopcore.core.filters import OrderingFilter
from django_shopcore.core.plans import Shapes
from django_shopcore.core.response_cache import current_tokens
from django_shopcore.core.schema import describe
from django_shopcore.core.tracking import is_versioned

from . import get_category_model, limits
from .caching import NOTHING_NEW, PAGE_PARAMETERS, Reply
from .conf import app_settings
from .facet_bodies import MAX_BUCKETS, facets_body
from .facets import Counting, FacetStatement, Found
from .views import ProductViewSet

KEY = {"type": ["integer", "string"]}
COUNT = {"type": "integer", "minimum": 0}
MONEY = {"type": "string", "format": "decimal"}


def _object(description: str = "", /, **properties: Any) -> dict[str, Any]:
    said = {"description": description} if description else {}
    return {"type": "object", **said, "required": list(properties), "properties": properties}


FACETS_SCHEMA = _object(
    count={**COUNT, "description": "Products that the list holds."},
    count_is_exact={"type": "boolean", "description": "Whether `count` is exact."},
    is_exact={
        "type": "boolean",
        "description": "Whether all that follows is exact. Otherwise it is estimated from a sample of the products: "
        "`min` and `max` are those of the sample, and what is rare may be missing.",
    },
    categories={
        "type": "array",
        "description": "Categories with at least one product, themselves or beneath them; those with most first, "
        "and each before those beneath it. Not all of them where there are very many.",
        "items": _object(
            id=KEY,
            name={"type": "string"},
            slug={"type": "string"},
            parent={"type": ["integer", "string", "null"], "description": "Key of the category above."},
            count=COUNT,
        ),
    },
    price=_object(
        min={**MONEY, "type": ["string", "null"], "description": "The lowest price; null where there is none."},
        max={**MONEY, "type": ["string", "null"]},
        buckets={
            "type": "array",
            "maxItems": MAX_BUCKETS,
            "description": "Ranges of prices from the lowest up, with about as many products each as round numbers "
            "allow. `from` and `to` are inclusive: the values of `min_price` and `max_price` for just these.",
            "items": {**_object(to=MONEY, count=COUNT, **{"from": MONEY}), "required": ["from", "to", "count"]},
        },
    ),
    in_stock=_object("Products by whether they are in stock.", true=COUNT, false=COUNT),
)
FACETS_SCHEMA["properties"]["did_you_mean"] = {
    "type": "string",
    "description": "Where nothing matches the search: what was searched for instead, as in the list.",
}
EXAMPLE = {
    "count": 3,
    "count_is_exact": True,
    "is_exact": True,
    "categories": [
        {"id": 1, "name": "Computers", "slug": "computers", "parent": None, "count": 3},
        {"id": 2, "name": "Laptops", "slug": "laptops", "parent": 1, "count": 2},
    ],
    "price": {
        "min": "19.90",
        "max": "949.00",
        "buckets": [{"from": "19.00", "to": "499.99", "count": 1}, {"from": "500.00", "to": "949.99", "count": 2}],
    },
    "in_stock": {"true": 2, "false": 1},
}

_statements = Shapes(256)


class FacetReader:
    """Reads the facets of the list that a view's request asks for."""

    def __init__(self, view: Any) -> None:
        self.view = view

    def read(self) -> Found:
        if _is_compiled(self.view):
            try:
                return replicas.read(type(self.view), self.view.model, self._read_from)
            except UnboundError:
                pass
        queryset = self.view.filter_queryset(self.view.get_queryset())
        # Without tokens: they say nothing of what else the site's own queryset may depend on.
        return FacetStatement(self._counting(queryset)).read({})

    def _read_from(self, alias: str) -> Found:
        return self._read_shape(*reading.bind_request(self.view, alias))

    def _read_shape(self, binding: Binding, bound: Any) -> Found:
        shape = tuple(part for part in binding.shape if not isinstance(bound.filters[part[0]], OrderingFilter))
        binding = replace(binding, shape=shape)
        found = self._count(binding, bound)
        if binding.searched is not None and not found.count:
            nothing = found
            found = self._count_meant(binding, bound) or nothing
            if found.tokens != nothing.tokens:
                found.tokens = None  # something may match by now
        if any((found.tokens or {}).get(table) != token for table, token in binding.expected.items()):
            self.view.outdated(binding.alias)
            raise UnboundError
        return found

    def _count(self, binding: Binding, bound: Any) -> Found:
        view, versioned = self.view, is_versioned(binding.alias)
        key = (type(view), view.model, binding.alias, view.audience(), bound, binding.shape)

        def make() -> FacetStatement:
            queryset = binding.apply(view.get_queryset().using(binding.alias), bound)
            return FacetStatement(self._counting(queryset, versioned, counted=not binding.shape))

        statement: FacetStatement = _statements.get((*key, app_settings.FACET_BOUND, versioned), make)
        return statement.read(binding.values)

    def _count_meant(self, binding: Binding, bound: Any) -> Found | None:
        """What matches the search that was probably meant, as in the list."""
        meant = binding.backend.suggest(self.view.get_queryset().using(binding.alias), binding.searched)
        query = binding.backend.parse(meant) if meant else None
        if query is None:
            return None
        found = self._count(replace(binding, values={**binding.values, "search": query}), bound)
        found.meant = meant
        return found

    def _counting(self, queryset: Any, versioned: bool = False, counted: bool = False) -> Counting:
        return Counting(
            queryset,
            get_category_model()._default_manager.all(),
            app_settings.FACET_BOUND,
            self.view.counter() if versioned and counted else None,
            frozenset(self.view.tables) if versioned else frozenset(),
        )


def _is_compiled(view: Any) -> bool:
    return reading.is_compiled(view) and _shows_all_categories()


def _shows_all_categories() -> bool:
    """Whether the categories' manager is no manager of the site's, which may look at who asks."""
    model = get_category_model()
    return bool(_statements.get(("is plain", model), lambda: reading.is_plain(model._default_manager)))


class ProductFacetsViewSet(ProductViewSet):
    """How many products the list holds per category, price and stock."""

    access = {"facets": ANYONE}
    limits = {"facets": [limits.READ]}
    error_codes = {}

    def keeps(self, action: str | None, parameters: QueryDict) -> bool:
        filters = self.list_filterset_class.base_filters
        known = all(name in filters or name in PAGE_PARAMETERS for name in parameters)
        return known and reading.is_all_ours(self) and _shows_all_categories()

    @describe(
        operation_id="products_facets",
        summary="Count products by category, price and stock",
        description="What the list with the same filters holds, all pages of it. To offer other values of a filter, "
        "ask without that filter. `ordering` and the parameters of pages and fields change nothing.",
        filters=True,
        parameters=[OpenApiParameter("ordering", exclude=True)],
        responses=OpenApiResponse(
            response=FACETS_SCHEMA,
            description="The numbers.",
            examples=[OpenApiExample("Facets", EXAMPLE, response_only=True)],
        ),
    )
    def facets(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.reply("facets").response()

    def reply(self, action: str) -> Reply:
        header = self.request.META.get("HTTP_IF_NONE_MATCH")
        if header is not None and (tag := self._unchanged(header)):
            return Reply(NOTHING_NEW, tag)
        found = FacetReader(self).read()
        # An estimate may come out differently for the same rows, so its tag is made from the body.
        tag = self._facets_tag(found.tokens) if found.tokens is not None and found.is_exact else None
        return Reply(facets_body(found, app_settings.FACET_CATEGORIES), tag, found.tokens)

    def _unchanged(self, header: str) -> str | None:
        tokens = current_tokens(self.tables) if _is_compiled(self) else None
        tag = self._facets_tag(dict(tokens)) if tokens else None
        return tag if tag and names(header, tag) else None

    def _facets_tag(self, tokens: dict[str, str]) -> str:
        parts = [sorted(tokens.items()), self.audience(), absolute_url(self.request), __version__]
        return digest(repr(parts).encode())
