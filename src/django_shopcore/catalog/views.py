from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, ClassVar

from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.utils.cache import patch_vary_headers
from django.utils.functional import cached_property
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema_view
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from django_shopcore import __version__
from django_shopcore.core import changes, list_reader, reading, replicas
from django_shopcore.core.access import ADMIN, ANYONE, is_admin
from django_shopcore.core.addresses import absolute_url
from django_shopcore.core.conditional import digest, names, not_modified, object_tag, require_match
from django_shopcore.core.extensions import joined, lock_extensions
from django_shopcore.core.filters import ShopcoreFilterBackend
from django_shopcore.core.keys import parse_key
from django_shopcore.core.limits import Limit
from django_shopcore.core.locking import lock_rows
from django_shopcore.core.representation import Representation, is_ours
from django_shopcore.core.response_cache import current_tokens
from django_shopcore.core.schema import describe
from django_shopcore.core.views import ShopcoreView, ShopcoreViewSet
from django_shopcore.core.writes import atomic_write

from . import cdn, filters, get_category_model, get_product_model, limits, serializers, services
from .caching import NOTHING_NEW, PAGE_PARAMETERS, OpenReads, Reply
from .metadata_filters import product_filterset_class
from .trees import forget_tree

LISTING = ("list", "facets")  # what takes the filters
PRIVATE = {"Cache-Control": "private, no-cache"}


class CatalogResponses(ShopcoreView):
    """Entity tags, ``Cache-Control`` and ``Vary`` of every catalogue response."""

    schema_tag = "catalogue"
    conditional = True
    # Whose changes may change an answer, besides those that a serializer's fields add.
    tables: Any = ()

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        # A plain view's as_view takes no actions.
        view = super().as_view(*([actions] if actions else []), **initkwargs)
        return OpenReads(view, cls, actions, initkwargs)

    def keeps(self, action: str | None, parameters: QueryDict) -> bool:
        """Whether answers to ``action`` with ``parameters`` may be kept for other callers without credentials.

        Not those with unknown parameters, which appear in links: whoever makes some up could fill the cache.
        """
        return False

    def fingerprint(self) -> str:
        """What an answer shows, besides what its URL says: another one after a change of the site's code."""
        return ""

    def reply(self, action: str) -> Reply:
        """What ``action``, a read, answers to the view's request."""
        raise NotImplementedError

    def limits_of(self, action: str | None, parameters: QueryDict) -> list[Limit]:
        found = list(self.limits.get(action or "", ()))
        return [*found, limits.SEARCH] if action in LISTING and parameters.get("search") else found

    def get_limits(self) -> list[Limit]:
        return self.limits_of(self.current_action, self.request.query_params)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(response, ["Authorization"])
        if request.method not in ("GET", "HEAD") or response.status_code not in (200, 304):
            response.setdefault("Cache-Control", "private, no-store")
            return response
        shared = "Authorization" not in request.headers and not _signed_in(request)
        for name, value in (cdn.public_headers(self, self.kwargs) if shared else PRIVATE).items():
            response.setdefault(name, value)
        if isinstance(response, Response) and response.status_code == 200:
            response.add_post_render_callback(lambda rendered: self._validate(request, rendered))
        return response

    def _validate(self, request: Request, response: HttpResponse) -> Any:
        if "ETag" not in response:
            response["ETag"] = digest(response.content)
        return not_modified(request, response)


def _signed_in(request: Request) -> bool:
    user = getattr(request, "user", None)
    return user is not None and bool(user.is_authenticated)


class CatalogViewSet(CatalogResponses, ShopcoreViewSet):
    """Reading for all, writing for admins, with ``If-Match`` on writes of one object."""

    access = {
        "list": ANYONE,
        "retrieve": ANYONE,
        "create": ADMIN,
        "update": ADMIN,
        "partial_update": ADMIN,
        "destroy": ADMIN,
    }
    limits = {
        "list": [limits.READ],
        "retrieve": [limits.READ],
        "create": [limits.WRITE],
        "update": [limits.WRITE],
        "partial_update": [limits.WRITE],
        "destroy": [limits.WRITE],
    }
    error_codes: ClassVar[Any] = {
        "create": [409],
        "update": [409],
        "partial_update": [409],
        "destroy": [409],
    }
    filter_backends = [ShopcoreFilterBackend]
    list_filterset_class: Any = None

    def tag_of(self, instance: Any) -> str:
        """The entity tag of ``instance``: of all that an admin sees, whoever asks for how much of it."""
        serializer = self.get_serializer_class()
        return object_tag(serializer(instance, context={**self.get_serializer_context(), "complete": True}).data)

    def audience(self) -> str:
        return "admins" if is_admin(getattr(self.request, "user", None)) else "everybody"

    @property
    def tables(self) -> Any:
        return (self.model._meta.db_table,)

    def keeps(self, action: str | None, parameters: QueryDict) -> bool:
        if not (reading.is_all_ours(self) and reading.shows_all_the_same(self)):
            return False
        if action != "list":
            return {"fields"}.issuperset(parameters)
        filters = self.list_filterset_class.base_filters
        return all(name in filters or name in PAGE_PARAMETERS for name in parameters)

    def fingerprint(self) -> str:
        return reading.fingerprint(self.get_serializer_class(), self.model)

    def reply(self, action: str) -> Reply:
        if action == "retrieve":
            return self._read_row()
        if not reading.reads_our_way(self):
            return Reply(self._list_ordinarily().data)
        found = self._read_list()
        if found.data is not NOTHING_NEW:
            found.data = self.paginator.page_of(found.data)  # type: ignore[union-attr]
        return found

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not reading.reads_our_way(self):
            return self._list_ordinarily()
        found = self._read_list()
        if found.data is NOTHING_NEW:
            return found.response()
        response: Response = self.paginator.get_paginated_response(found.data)  # type: ignore[union-attr]
        if found.etag:
            response["ETag"] = found.etag
        return response

    def _read_list(self) -> Reply:
        """The rows of the page that is asked for."""
        header = self.request.META.get("HTTP_IF_NONE_MATCH")
        if header is not None and (tag := self._unchanged(header)):
            return Reply(NOTHING_NEW, tag)
        reader = list_reader.ListReader(self)
        rows = reader.read()
        shown = reader.representation
        tag = self._list_tag(rows.tokens, shown) if rows.tokens is not None and shown is not None else None
        return Reply(rows.rows, tag, rows.tokens)

    def _unchanged(self, header: str) -> str | None:
        """The list's tag if it is the client's: that takes the tables' versions, and not the rows."""
        if not (reading.reads_our_way(self) and reading.is_compiled(self)):
            return None
        shown = reading.representation(self)
        tokens = current_tokens({*self.tables, *shown.tables}) if shown is not None else None
        if shown is None or not shown.is_pure or tokens is None:
            return None
        tag = self._list_tag(tokens, shown)
        return tag if names(header, tag) else None

    def _list_tag(self, tokens: Mapping[str, str], shown: Representation) -> str:
        """Equal tokens mean equal rows; the rest says what is shown of which of them."""
        versions = " ".join(f"{table} {tokens[table]}" for table in sorted(tokens))
        parts = (versions, self.audience(), absolute_url(self.request), shown.summary, __version__)
        return digest("\n".join(parts).encode())

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._read_row().response()

    def _read_row(self) -> Reply:
        if self._reads_rows_our_way() and reading.is_compiled(self):
            complete, shown = reading.representations(self)
            if complete is not None and shown is not None:
                return self._read_shown_row(complete, shown)
        instance = self.get_object()
        return Reply(self.get_serializer(instance).data, self.tag_of(instance))

    def _reads_rows_our_way(self) -> bool:
        # Permissions may ask for the object.
        return _has_own_rows(type(self)) and not self.get_permissions()

    def _read_shown_row(self, complete: Representation, shown: Representation) -> Reply:
        key = parse_key(self.model, self.kwargs[self.lookup_url_kwarg or self.lookup_field])
        is_pure = complete.is_pure and shown.is_pure
        found = list_reader.read_row(self, key, complete, is_pure) if key is not None else None
        if found is None:
            raise NotFound()
        [row] = found.rows
        return Reply({name: row[name] for name in shown.names}, object_tag(row), found.tokens if is_pure else None)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with atomic_write(self.get_queryset().model, serializer.recheck):
            instance = self.perform_create(serializer.validated_data)
            location = request.build_absolute_uri(f"{request.path}{instance.pk}/")
            return self._written(instance, 201, {"Location": location})

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = request.data  # read before the lock: a slow body must not hold it
        serializer: Any = None
        with atomic_write(self.get_queryset().model, lambda: serializer.recheck()):
            instance = self.locked_object()
            tag = self.tag_of(instance)
            serializer = self.get_serializer(instance, data=data, partial=kwargs.get("partial", False))
            serializer.is_valid(raise_exception=True)
            # A request that would fail anyhow fails for its own reason (RFC 9110, 13.2.1).
            require_match(request, tag)
            self.perform_update(instance, serializer.validated_data)
            return self._written(instance, 200)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, **kwargs, partial=True)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with atomic_write(self.get_queryset().model):
            instance = self.locked_object()
            require_match(request, self.tag_of(instance))
            self.perform_destroy(instance)
        return Response(status=204)

    def locked_object(self) -> Any:
        """The object in the path, locked; raises 404."""
        queryset: QuerySet[Any] = self.get_queryset()
        key = parse_key(queryset.model, self.kwargs["pk"])
        rows = lock_rows(queryset.filter(pk=key)) if key is not None else []
        if not rows:
            raise NotFound()
        lock_extensions(rows)
        changes.remember(rows)
        self.check_object_permissions(self.request, rows[0])
        return rows[0]

    def _written(self, instance: Any, status: int, headers: dict[str, str] | None = None) -> Response:
        """What was written, read within its transaction: later it may be somebody else's version, or gone."""
        fresh = self.get_queryset().filter(pk=instance.pk).first()
        if fresh is None:
            raise IntegrityError("What it refers to is gone: the commit would fail too.")
        return Response(
            self.get_serializer(fresh).data, status=status, headers={"ETag": self.tag_of(fresh), **(headers or {})}
        )

    def perform_create(self, values: Any) -> Any:
        raise NotImplementedError

    def perform_update(self, instance: Any, values: Any) -> None:
        raise NotImplementedError

    def perform_destroy(self, instance: Any) -> None:
        raise NotImplementedError


# Filters that bound what a list is ordered by.
RANGES = {
    "price": frozenset({"min_price", "max_price"}),
    "created_at": frozenset({"created_after", "created_before"}),
}
OWN_ROWS = ("get_object", "tag_of", "check_object_permissions", "get_permissions")


@functools.cache
def _has_own_rows(view_class: Any) -> bool:
    return all(is_ours(view_class, name) for name in OWN_ROWS)


KEPT = "Optional fields that are absent keep their values."
MATCHED = "With `If-Match` only the version that was read is changed."


@extend_schema_view(
    list=describe(
        summary="List products", description="Newest first by default. Unpublished products are listed for admins only."
    ),
    retrieve=describe(summary="Read a product", description="An unpublished product is 404 for everybody but admins."),
    create=describe(
        summary="Create a product",
        description="Without a slug, one is made from the name. `Location` names the product.",
    ),
    update=describe(summary="Replace a product", description=f"{KEPT} {MATCHED}"),
    partial_update=describe(summary="Change a product", description=f"Only the fields that are there. {MATCHED}"),
    destroy=describe(
        summary="Delete a product",
        description="409 (`in_use`) while something of the site refers to it and protects it.",
    ),
)
class ProductViewSet(CatalogViewSet):
    schema_name = "products"

    @cached_property
    def model(self) -> Any:
        return get_product_model()

    @property
    def tables(self) -> tuple[str, ...]:
        return (get_product_model()._meta.db_table, get_category_model()._meta.db_table)

    def outdated(self, alias: str) -> None:
        forget_tree(alias)

    def has_one_plan(self, filters: Mapping[str, Any], ordering: Sequence[str], ranked: bool) -> bool:
        names = filters.keys() - {"ordering"}
        if ranked:
            return names == {"search"}
        names -= RANGES.get(ordering[0].lstrip("-"), frozenset())
        return names <= {"in_stock"} or (names == {"category"} and filters["category"] == "one")

    def counter(self) -> str:
        return "total" if self.audience() == "admins" else "visible"

    def get_queryset(self) -> QuerySet[Any]:
        user = getattr(self.request, "user", None)
        products = get_product_model().objects.visible_to(user)
        queryset: QuerySet[Any] = joined(products.select_related("category").order_by("-created_at"))
        return queryset

    def get_serializer_class(self) -> Any:
        return serializers.product_serializer_class()

    @property
    def list_filterset_class(self) -> Any:
        return product_filterset_class()

    @property
    def filterset_class(self) -> Any:
        return self.list_filterset_class if self.current_action in LISTING else None

    def perform_create(self, values: Any) -> Any:
        return services.service().create_product(values=values, actor=self.request.user)

    def perform_update(self, instance: Any, values: Any) -> None:
        services.service().update_product(instance, values=values, actor=self.request.user)

    def perform_destroy(self, instance: Any) -> None:
        services.service().delete_product(instance, actor=self.request.user)


@extend_schema_view(
    list=describe(summary="List categories", description="All of them, by name; `parent` walks the tree."),
    retrieve=describe(summary="Read a category", description="One node of the tree."),
    create=describe(
        summary="Create a category", description="Without a `parent` it is a root. Names are unique among siblings."
    ),
    update=describe(summary="Replace a category", description=f"{KEPT} {MATCHED}"),
    partial_update=describe(
        summary="Change a category", description=f"A new `parent` moves it with all that is beneath it. {MATCHED}"
    ),
    destroy=describe(
        summary="Delete a category",
        description="409 (`category_not_empty`) while products or categories are beneath it.",
    ),
)
class CategoryViewSet(CatalogViewSet):
    schema_name = "categories"
    filterset_class = list_filterset_class = filters.CategoryFilterSet

    @cached_property
    def model(self) -> Any:
        return get_category_model()

    def counter(self) -> str:
        return "total"

    def get_queryset(self) -> QuerySet[Any]:
        queryset: QuerySet[Any] = joined(get_category_model()._default_manager.order_by("name"))
        return queryset

    def get_serializer_class(self) -> Any:
        return serializers.category_serializer_class()

    def locked_object(self) -> Any:
        writes = self.request.method != "DELETE"  # whose body, if there is one, means nothing
        if writes and isinstance(self.request.data, dict) and "parent" in self.request.data:
            services.lock_tree()
        return super().locked_object()

    def perform_create(self, values: Any) -> Any:
        return services.service().create_category(values=values, actor=self.request.user)

    def perform_update(self, instance: Any, values: Any) -> None:
        services.service().update_category(instance, values=values, actor=self.request.user)

    def perform_destroy(self, instance: Any) -> None:
        services.service().delete_category(instance, actor=self.request.user)


TREE_SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["id", "name", "slug", "children"],
        "properties": {
            "id": {"type": ["integer", "string"]},
            "name": {"type": "string"},
            "slug": {"type": "string"},
            "children": {"type": "array", "items": {"type": "object"}, "description": "Nodes of the same form."},
        },
    },
}


TREE_COLUMNS = Representation(("id", "name", "slug", "parent"), ("pk", "name", "slug", "parent_id"), ())


class CategoryTreeView(CatalogResponses):
    access = {"get": ANYONE}
    limits = {"get": [limits.READ]}

    @property
    def tables(self) -> tuple[str, ...]:
        return (get_category_model()._meta.db_table,)

    def keeps(self, action: str | None, parameters: QueryDict) -> bool:
        return not parameters

    @describe(
        operation_id="categories_tree",
        summary="The whole category tree",
        description="Every category, nested, in one answer.",
        responses=OpenApiResponse(
            response=TREE_SCHEMA,
            description="The roots, each with everything beneath it; siblings by name.",
            examples=[
                OpenApiExample(
                    "A tree",
                    [{"id": 1, "name": "Computers", "slug": "computers", "children": []}],
                    response_only=True,
                )
            ],
        ),
    )
    def get(self, request: Request) -> Response:
        """Read in one query."""
        return self.reply("get").response()

    def reply(self, action: str) -> Reply:
        categories = get_category_model()._default_manager.order_by("name", "pk")
        rows, tokens = replicas.read(
            CategoryTreeView,
            categories.model,
            lambda alias: list_reader.read_all(categories.using(alias), TREE_COLUMNS),
            tokens_of=itemgetter(1),
        )
        nodes: dict[Any, dict[str, Any]] = {}
        for row in rows:
            nodes[row["id"]] = {"id": row["id"], "name": row["name"], "slug": row["slug"], "children": []}
        roots: list[dict[str, Any]] = []
        for row in rows:
            above = row["parent"]
            (roots if above is None else nodes[above]["children"]).append(nodes[row["id"]])
        tag = None if tokens is None else digest(repr([sorted(tokens.items()), "tree", __version__]).encode())
        return Reply(roots, tag, tokens)
