"""The base of every view of ours.

It sets what the contract promises on the view itself, so that neither the host's ``REST_FRAMEWORK`` nor its
``ATOMIC_REQUESTS`` changes it: problem details for errors, JSON in and out, a declared access policy, rate
limits, pagination and sparse fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db import connections, models
from django.utils.cache import patch_vary_headers
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from rest_framework import exceptions, serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from . import outages
from .access import Rules, guards, policy_for, refusal_of
from .conf import core_settings
from .current_request import during
from .errors import InvalidInput, ServiceUnavailable, as_api_exception, exception_response, field_error
from .fields import columns_of
from .keys import parse_key
from .limits import Limit, RateLimited, Usage, enforce, tightest_headers
from .list_reader import ListReader
from .pagination import ShopcorePagination
from .parsers import GuardedJSONParser
from .reading import reads_our_way
from .renderers import JSONOnly, StrictJSONRenderer
from .request_guards import check_query_string, refuse_unread
from .schema import ShopcoreAutoSchema
from .sensitive import SensitiveMixin

# Filled by features as their apps get ready: core does not know who brings sign-in.
default_authenticators: list[str] = []


def _made(paths: Sequence[str] | None) -> list[Any]:
    return [import_string(path)() for path in paths or ()]


class ShopcoreView(APIView):
    """A view with ``access`` rules (required) and rate ``limits`` by action.

    An action is a viewset's action name, or the lower-case HTTP method of a plain view. A caller without
    the declared policy gets 401 (not signed in) or 403; an action without a policy gets 403, always.
    """

    access: ClassVar[Rules] = {}
    limits: ClassVar[Mapping[str, Sequence[Limit]]] = {}
    error_codes: ClassVar[Mapping[str, Sequence[int]]] = {}
    # Whether reads carry entity tags.
    conditional: ClassVar[bool] = False

    renderer_classes = [StrictJSONRenderer]
    parser_classes = [GuardedJSONParser]
    permission_classes = []
    throttle_classes = []
    content_negotiation_class = JSONOnly
    versioning_class = None
    metadata_class = None
    schema = ShopcoreAutoSchema()

    @classmethod
    def as_view(cls, *args: Any, **kwargs: Any) -> Any:
        view = super().as_view(*args, **kwargs)
        # Services own their transactions: what a refused request records (a count, an ended session)
        # must survive the host's ATOMIC_REQUESTS.
        view._non_atomic_requests = set(connections)  # type: ignore[attr-defined]
        return view

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().dispatch
        return during(request, lambda: answer(request, *args, **kwargs))

    def get_authenticators(self) -> list[Any]:
        if self.authentication_classes is not APIView.authentication_classes:
            return super().get_authenticators()
        paths = core_settings.AUTHENTICATION_CLASSES
        if paths is None:
            paths = default_authenticators
        if paths:
            classes: list[Any] = [import_string(path) for path in paths]
            return [authenticator() for authenticator in classes]
        defaults: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES
        return [authenticator() for authenticator in defaults]

    def get_permissions(self) -> list[Any]:
        return [*super().get_permissions(), *_made(core_settings.PERMISSION_CLASSES)]

    def get_throttles(self) -> list[Any]:
        return [*super().get_throttles(), *_made(core_settings.THROTTLE_CLASSES)]

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"

    @property
    def current_action(self) -> str:
        method = (self.request.method or "").lower()
        return getattr(self, "action", None) or ("get" if method == "head" else method)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        failed = getattr(request, "failed", None)  # in an attempt to answer without all this
        if failed is not None:
            raise failed
        self._refuse_unknown_method(request)
        check_query_string(request)
        refuse_unread(request.META)
        super().initial(request, *args, **kwargs)

    def _refuse_unknown_method(self, request: Request) -> None:
        method = (request.method or "").lower()
        if method not in self.http_method_names or not hasattr(self, method):
            raise exceptions.MethodNotAllowed(request.method or "")

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        return Response(status=204)

    def perform_authentication(self, request: Request) -> None:
        super().perform_authentication(request)
        for guard in guards:
            guard(request)

    def check_permissions(self, request: Request) -> None:
        if request.method == "OPTIONS":
            return
        policy = policy_for(self.access, self.current_action)
        if policy is None:
            raise exceptions.PermissionDenied(_("This view declares no access policy."), code="no_access_policy")
        if not policy.allows(request.user):
            self.permission_denied(request, *(refusal_of(request.user) or ()))
        super().check_permissions(request)

    def permission_denied(self, request: Request, message: str | None = None, code: str | None = None) -> Any:
        user = request.user
        if user is None or not user.is_authenticated:
            raise exceptions.NotAuthenticated()
        raise exceptions.PermissionDenied(detail=message, code=code)

    def check_throttles(self, request: Request) -> None:
        super().check_throttles(request)
        counted = getattr(request, "counted", None)  # by what has looked for the answer elsewhere
        if isinstance(counted, RateLimited):
            raise counted
        self.rate_usage: list[Usage] = enforce(self.get_limits(), request) if counted is None else counted

    def get_limits(self) -> list[Limit]:
        """The rate limits of this request."""
        return list(self.limits.get(self.current_action, ()))

    def handle_exception(self, exc: Exception) -> Response:
        api_exc = as_api_exception(exc)
        if api_exc is None:
            raise exc
        if isinstance(api_exc, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
            api_exc.status_code = 401
            api_exc.auth_header = self.get_authenticate_header(self.request)  # type: ignore[union-attr]
        if isinstance(api_exc, ServiceUnavailable):
            outages.report(self.request, exc)
        if isinstance(api_exc, RateLimited):
            self.rate_usage = [api_exc.usage]
        response = exception_response(api_exc)
        response.exception = True
        return response

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        for name, value in tightest_headers(getattr(self, "rate_usage", ())).items():
            response[name] = value
        return response


class PrivateView(SensitiveMixin, ShopcoreView):
    """Answers about one person, which no cache may keep and no report of an error may show."""

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(response, ["Authorization"])
        response["Cache-Control"] = "no-store"
        return response


class SparseFieldsMixin(GenericAPIView[Any]):
    """``?fields=id,name`` for reading actions: only those fields, and only the columns they need."""

    sparse_actions: ClassVar[Sequence[str]] = ("list", "retrieve", "get")

    def requested_fields(self) -> list[str] | None:
        """The names in ``?fields=``; ``None`` when the request does not narrow."""
        raw = self.request.query_params.get("fields")
        if not raw or self.current_action not in self.sparse_actions:  # type: ignore[attr-defined]
            return None
        return [name.strip() for name in raw.split(",") if name.strip()] or None

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        serializer: Any = super().get_serializer(*args, **kwargs)
        names = self.requested_fields()
        if names is None:
            return serializer
        target = getattr(serializer, "child", serializer)
        unknown = [name for name in names if name not in target.fields]
        if unknown:
            message = _("There is no field %(names)s.") % {"names": ", ".join(unknown)}
            raise InvalidInput([field_error("fields", "unknown_field", message)])
        for name in set(target.fields) - set(names):
            target.fields.pop(name)
        return serializer

    @staticmethod
    def narrow(queryset: models.QuerySet[Any], serializer: Any) -> models.QuerySet[Any]:
        """``queryset`` reading just the columns that ``serializer`` shows."""
        needed = columns_of(serializer, queryset.model)
        if needed is None:
            return queryset
        columns, relations = needed
        queryset = queryset.select_related(None)
        return (queryset.select_related(*relations) if relations else queryset).only(*columns)


class ShopcoreViewSet(SparseFieldsMixin, ShopcoreView, GenericViewSet[Any]):
    """A viewset of ours: keyset or page lists, strict keys in paths, sparse fields."""

    pagination_class = ShopcorePagination
    filter_backends: Any = []
    lookup_field = "pk"

    def get_object(self) -> Any:
        """The row named in the path; 404 for one that is malformed, unknown or not visible to the caller."""
        queryset = self.get_queryset()
        key = parse_key(queryset.model, self.kwargs[self.lookup_url_kwarg or self.lookup_field])
        row = queryset.filter(pk=key).first() if key is not None else None
        if row is None:
            raise exceptions.NotFound()
        self.check_object_permissions(self.request, row)
        return row

    @property
    def model(self) -> Any:
        """The model whose rows the view is about."""
        return self.get_queryset().model

    def audience(self) -> Any:
        """What ``get_queryset`` and the serializer's fields depend on, where that is a word of few.

        ``None``, the default, where it is the caller: nothing of such a view's queries is kept.
        """
        return None

    def counter(self) -> str | None:
        """The column of the table's version that counts what ``get_queryset`` returns, if one does."""
        return None

    def has_one_plan(self, filters: Mapping[str, Any], ordering: Sequence[str], ranked: bool) -> bool:
        """Whether the database's best plan for a list is the same whatever the filters' values are.

        Its statement is then planned once. An index that starts with what is compared for equality and goes on
        with what is ordered by is such a case; a filter on anything else may deserve an index of its own.
        """
        return False

    def outdated(self, alias: str) -> None:
        """Called when a filter went by something this process kept, and the database has moved on."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not reads_our_way(self):
            return self._list_ordinarily()
        response: Response = self.paginator.get_paginated_response(ListReader(self).read().rows)  # type: ignore[union-attr]
        return response

    def _list_ordinarily(self) -> Response:
        queryset = self.filter_queryset(self.get_queryset())
        page = self.paginate_queryset(queryset)
        serializer = self.get_serializer(queryset if page is None else page, many=True)
        return Response(serializer.data) if page is None else self.get_paginated_response(serializer.data)


def validated(serializer: serializers.BaseSerializer[Any]) -> Any:
    """The serializer's validated data; raises 400."""
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data
