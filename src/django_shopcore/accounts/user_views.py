from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema_view
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from django_shopcore.core import changes, extension_writes, personal_data
from django_shopcore.core.access import ADMIN, SIGNED_IN
from django_shopcore.core.conditional import object_tag, require_match
from django_shopcore.core.extensions import joined, lock_extensions
from django_shopcore.core.filters import ShopcoreFilterBackend
from django_shopcore.core.keys import parse_key
from django_shopcore.core.schema import ETAG, IF_MATCH, describe
from django_shopcore.core.users import column, user_model
from django_shopcore.core.views import ShopcoreViewSet, SparseFieldsMixin, validated
from django_shopcore.core.writes import atomic_write

from . import limits, serializers, services, signals
from .admins import lock_for_removal, lock_users
from .authentication import current_session
from .exceptions import session_ended
from .filters import UserFilterSet
from .users import CREATED, all_users
from .views import NO_CONTENT, AccountsView

ERASURE = (
    "Erases the account and all that is held on the person; what has to stay names nobody any more. 409 (`last_admin`) "
    "for the last active admin, 409 (`in_use`) while something of the site protects it: nothing is erased then."
)
EXPORT = {
    "type": "object",
    "required": ["exported_at", "account"],
    "properties": {"exported_at": {"type": "string", "format": "date-time"}, "account": {"type": "object"}},
    "additionalProperties": {},
}

EXPORT_EXAMPLE = OpenApiExample(
    "An export",
    {
        "exported_at": "2026-01-31T12:00:00Z",
        "account": {"id": serializers.USER_EXAMPLE["id"], "email": "ada@example.com", "groups": []},
        "sessions": [{"id": "9a3c2b1d-4e5f-4a6b-8c7d-0e1f2a3b4c5d", "ip_address": "192.0.2.7"}],
    },
    response_only=True,
)


class OneUserMixin(SparseFieldsMixin):
    """One user in an answer, with the tag that ``If-Match`` asks for."""

    def tag_of(self, user: Any) -> str:
        serializer = self.get_serializer_class()
        return object_tag(serializer(user).data)

    def show(self, user: Any) -> Response:
        return Response(self.get_serializer(user).data, headers={"ETag": self.tag_of(user)})


class MeView(AccountsView, OneUserMixin):
    access = {"get": SIGNED_IN, "patch": SIGNED_IN, "delete": SIGNED_IN}
    limits = {"patch": [limits.WRITE], "delete": [limits.PASSWORD]}
    error_codes: ClassVar[Any] = {"patch": [412], "delete": [409]}
    reads_body_of_delete = True
    serializer_class = serializers.UserSerializer
    pagination_class = None
    filter_backends = []

    @describe(
        summary="Read my account",
        description="The user that the token belongs to.",
        operation_id="me_read",
        parameters=[ETAG],
    )
    def get(self, request: Request) -> Response:
        return self.show(request.user)

    @describe(
        summary="Change my names",
        description="Other fields are ignored: the address and the password have requests of their own.",
        request=serializers.NamesSerializer,
        responses=serializers.UserSerializer,
        operation_id="me_update",
        parameters=[IF_MATCH, ETAG],
    )
    def patch(self, request: Request) -> Response:
        data = request.data  # read before the lock: a slow body must not hold it
        with atomic_write(user_model()):
            rows = lock_users([request.user.pk])
            if not rows:
                raise session_ended()
            user = rows[0]
            lock_extensions(rows)
            values = validated(serializers.NamesSerializer(user, data=data, partial=True))
            names, extended = extension_writes.split(user_model(), values)
            require_match(request, self.tag_of(user))
            changed = [name for name in names if column(name)]
            changes.remember(rows)
            for name in changed:
                setattr(user, name, names[name])
            if changed:
                user.save(update_fields=changed)
            extension_writes.write(user, extended)
            services.announce_changes(user, changes.changes_of(user) or {})
        return self.show(user)

    @describe(
        summary="Erase my account",
        description=f"{ERASURE} Clients that cannot send a body with DELETE use `POST auth/me/delete/`.",
        request=serializers.AccountDeletionSerializer,
        responses={204: NO_CONTENT},
        operation_id="me_erase",
    )
    def delete(self, request: Request) -> Response:
        return _erase(request)


class MeExportView(AccountsView):
    access = {"get": SIGNED_IN}
    limits = {"get": [limits.EXPORT]}

    @describe(
        summary="Export what is held on me",
        description="One JSON object, streamed: a part for each thing that the site holds on the caller. Nothing that "
        "could be used to sign in is in it.",
        responses={200: OpenApiResponse(response=EXPORT, description="As a file to keep.", examples=[EXPORT_EXAMPLE])},
        operation_id="me_export",
    )
    def get(self, request: Request) -> Any:
        signals.personal_data_exported.send(sender=type(request.user), user=request.user)
        return StreamingHttpResponse(
            personal_data.export(request.user),
            content_type="application/json",
            headers={"Content-Disposition": 'attachment; filename="personal-data.json"'},
        )


class MeDeleteView(AccountsView):
    access = {"post": SIGNED_IN}
    limits = {"post": [limits.PASSWORD]}
    error_codes = {"post": [409]}

    @describe(
        summary="Delete my account",
        description=ERASURE,
        request=serializers.AccountDeletionSerializer,
        responses={204: NO_CONTENT},
        operation_id="me_delete",
    )
    def post(self, request: Request) -> Response:
        return _erase(request)


def _erase(request: Request) -> Response:
    password = validated(serializers.AccountDeletionSerializer(data=request.data))["password"]
    services.delete_account(request.user, password=password)
    return Response(status=204)


class PasswordChangeView(AccountsView):
    access = {"post": SIGNED_IN}
    limits = {"post": [limits.PASSWORD]}

    @describe(
        summary="Change my password",
        description="This session and its tokens go on; all others end.",
        request=serializers.PasswordChangeSerializer,
        responses={204: NO_CONTENT},
        operation_id="password_change",
    )
    def post(self, request: Request) -> Response:
        values = validated(serializers.PasswordChangeSerializer(data=request.data, context={"request": request}))
        services.change_password(
            request.user,
            current=values["current_password"],
            new=values["new_password"],
            session=current_session(request),
        )
        return Response(status=204)


@extend_schema_view(
    list=describe(summary="List users", description="All accounts, the latest first."),
    retrieve=describe(summary="Read a user", description="Any account.", parameters=[ETAG]),
    partial_update=describe(
        summary="Change a user's role",
        description="Demoting and deactivating hold from the user's next request on. 409 (`last_admin`) for the "
        "last active admin. 400 (`not_changeable`) on `is_admin` where the site itself decides who is an admin.",
        request=serializers.UserChangeSerializer,
        responses=serializers.AdminUserSerializer,
        parameters=[IF_MATCH, ETAG],
    ),
)
class UserViewSet(AccountsView, OneUserMixin, ShopcoreViewSet):
    access = {"list": ADMIN, "retrieve": ADMIN, "partial_update": ADMIN}
    limits = {"partial_update": [limits.WRITE]}
    error_codes: ClassVar[Any] = {"partial_update": [409, 412]}
    schema_name = "users"
    serializer_class = serializers.AdminUserSerializer
    filter_backends = [ShopcoreFilterBackend]

    @property
    def filterset_class(self) -> Any:
        return UserFilterSet if self.current_action == "list" else None

    def get_queryset(self) -> QuerySet[Any]:
        queryset: QuerySet[Any] = joined(all_users())
        return queryset.order_by(f"-{column(*CREATED) or 'pk'}")

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.show(self.get_object())

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # Which rows are to be locked is for the role to say.
        role = validated(serializers.RoleSerializer(data=request.data))
        key = parse_key(user_model(), kwargs["pk"])
        lock = lock_for_removal if False in role.values() else lock_users
        with atomic_write(user_model()):
            rows = lock([key]) if key is not None else []
            if not rows:
                raise NotFound()
            lock_extensions(rows)
            serializer = serializers.UserChangeSerializer(rows[0], data=request.data, partial=True)
            _own, extended = extension_writes.split(user_model(), validated(serializer))
            require_match(request, self.tag_of(rows[0]))
            user = services.change_role(rows[0], is_active=role.get("is_active"), is_admin=role.get("is_admin"))
            changes.remember(rows)
            extension_writes.write(user, extended)
            services.announce_changes(user, changes.changes_of(user) or {})
        return self.show(user)
