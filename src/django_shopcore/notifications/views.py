from __future__ import annotations

from typing import Any, ClassVar

from django.core.signing import BadSignature
from django.db import router
from django.db.models import QuerySet
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema_view
from rest_framework.exceptions import NotAuthenticated, NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from django_shopcore.core.access import ANYONE, SIGNED_IN
from django_shopcore.core.conditional import object_tag, require_match
from django_shopcore.core.errors import InvalidInput, field_error
from django_shopcore.core.filters import ShopcoreFilterBackend
from django_shopcore.core.keys import parse_key
from django_shopcore.core.links import site_url
from django_shopcore.core.locking import lock_rows
from django_shopcore.core.schema import ETAG, IF_MATCH, PROBLEM, describe
from django_shopcore.core.views import PrivateView, ShopcoreViewSet, validated
from django_shopcore.core.writes import atomic_write

from . import limits, serializers, services
from .filters import NotificationFilterSet
from .models import Notification, Preferences
from .preferences import Wishes
from .querysets import NotificationQuerySet
from .rendering import site_name
from .unsubscribing import Link, read_token


class NotificationsView(PrivateView):
    schema_tag = "notifications"

    def inbox(self) -> NotificationQuerySet[Any]:
        """The caller's notifications, from the database that is written to."""
        return Notification.objects.of(self.request.user).using(router.db_for_write(Notification))


@extend_schema_view(
    list=describe(summary="List my notifications", description="The caller's own, the latest first."),
    partial_update=describe(
        summary="Mark a notification",
        description="As seen, or as not seen again. Other fields are ignored.",
        request=serializers.SeenSerializer,
        responses=serializers.NotificationSerializer,
        parameters=[IF_MATCH, ETAG],
    ),
)
class NotificationViewSet(NotificationsView, ShopcoreViewSet):
    access = {"list": SIGNED_IN, "partial_update": SIGNED_IN}
    limits = {"partial_update": [limits.WRITE]}
    error_codes: ClassVar[Any] = {"partial_update": [412]}
    schema_name = "notifications"
    serializer_class = serializers.NotificationSerializer
    filter_backends = [ShopcoreFilterBackend]

    @property
    def filterset_class(self) -> Any:
        return NotificationFilterSet if self.current_action == "list" else None

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return Notification.objects.none()
        return self.inbox().order_by("-created_at")

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        changes = validated(serializers.SeenSerializer(data=request.data))
        key = parse_key(Notification, kwargs["pk"])
        with atomic_write(Notification):
            rows = lock_rows(self.inbox().filter(pk=key)) if key is not None else []
            if not rows:
                raise NotFound()
            [notification] = rows
            require_match(request, object_tag(self.get_serializer(notification).data))
            if changes:
                notification.seen = changes["seen"]
                notification.save(update_fields=["seen"])
        body = self.get_serializer(notification).data
        return Response(body, headers={"ETag": object_tag(body)})


class MarkAllSeenView(NotificationsView):
    access = {"post": SIGNED_IN}
    limits = {"post": [limits.WRITE]}
    error_codes = {"post": [413, 415]}

    @describe(
        summary="Mark all my notifications as seen",
        description="Answers with how many had not been seen.",
        request=None,
        responses=serializers.MarkedSerializer,
        operation_id="notifications_mark_all_seen",
    )
    def post(self, request: Request) -> Response:
        request.data  # noqa: B018 - reading it refuses what is not JSON
        return Response({"marked": self.inbox().unseen().update(seen=True)})


class UnseenCountView(NotificationsView):
    access = {"get": SIGNED_IN}

    @describe(
        summary="Count my unseen notifications",
        description="For a badge.",
        responses=serializers.CountSerializer,
        operation_id="notifications_unseen_count",
    )
    def get(self, request: Request) -> Response:
        return Response({"count": self.inbox().unseen().count()})


class PreferencesView(NotificationsView):
    access = {"get": SIGNED_IN, "patch": SIGNED_IN}
    limits = {"patch": [limits.WRITE]}
    error_codes: ClassVar[Any] = {"patch": [412]}

    @describe(
        summary="Read my preferences",
        description="Which notifications the caller wants, by kind and channel, and in which language and time zone. "
        "What was never chosen has its default: everything on, no digests, and the site's language and time zone.",
        responses=serializers.PreferencesSerializer,
        operation_id="notification_preferences_read",
        parameters=[ETAG],
    )
    def get(self, request: Request) -> Response:
        rows = Preferences.objects.using(router.db_for_write(Preferences))
        return self._show(Wishes(rows.filter(pk=request.user.pk).first()))

    @describe(
        summary="Change my preferences",
        description="What is named changes, all else stays. A digest collects a kind instead of its single mails, "
        "whatever `email` says. Security mail is neither turned off nor collected (`security_mail`). What waits for "
        "a digest moves along.",
        request=serializers.PreferencesSerializer,
        responses=serializers.PreferencesSerializer,
        operation_id="notification_preferences_update",
        parameters=[IF_MATCH, ETAG],
    )
    def patch(self, request: Request) -> Response:
        changes = validated(self._serializer(data=request.data))
        with services.changing_preferences(request.user.pk) as row:
            if row is None:
                raise NotAuthenticated()
            require_match(request, object_tag(self._serializer(Wishes(row)).data))
            services.merge_choices(row, changes.get("kinds", {}))
            row.time_zone = changes.get("time_zone", row.time_zone)
            row.language = changes.get("language", row.language)
        return self._show(Wishes(row))

    def _serializer(self, *args: Any, **kwargs: Any) -> serializers.PreferencesSerializer:
        context = {"kinds": serializers.kinds_for(self.request.user)}
        return serializers.PreferencesSerializer(*args, context=context, **kwargs)

    def _show(self, wishes: Wishes) -> Response:
        body = self._serializer(wishes).data
        return Response(body, headers={"ETag": object_tag(body)})


TOKEN = OpenApiParameter("token", str, required=True, description="As in the link of the mail.")
PAGE_EXAMPLE = '<!doctype html>\n<html lang="en">…</html>\n'


def _page_response(description: str) -> OpenApiResponse:
    example = OpenApiExample("A page", PAGE_EXAMPLE, media_type="text/html")
    return OpenApiResponse(response={"type": "string"}, description=description, examples=[example])


class UnsubscribeView(NotificationsView):
    """The page behind a mail's link, and what mail programs post to (RFC 8058): without any sign-in.

    Opening it changes nothing, since scanners of mails follow links. The body of a POST is not looked at: the
    token says it all.
    """

    access = {"get": ANYONE, "post": ANYONE}
    limits = {"post": [limits.UNSUBSCRIBE]}
    authentication_classes = []

    @describe(
        summary="Ask whether to unsubscribe",
        description="A page with a button. It changes nothing by itself.",
        parameters=[TOKEN],
        responses={
            (200, "text/html"): _page_response("The page."),
            (400, "text/html"): _page_response("The token is not right."),
            (400, "application/problem+json"): OpenApiResponse(PROBLEM, description="The request is malformed."),
        },
        operation_id="notifications_unsubscribe_page",
    )
    def get(self, request: Request) -> HttpResponse:
        try:
            link = read_token(request.query_params.get("token", ""))
        except BadSignature:
            return _page(None, done=False, status=400)
        return _page(link, done=False)

    @describe(
        summary="Unsubscribe",
        description="Turns off the mails of one kind for whom the link was made; RFC 8058's one click. A body of any "
        "type is accepted and not looked at. Doing it again, or for a deleted account, is fine.",
        parameters=[TOKEN],
        request=None,
        responses={(200, "text/html"): _page_response("A page that says it is done.")},
        operation_id="notifications_unsubscribe",
    )
    def post(self, request: Request) -> HttpResponse:
        try:
            link = services.unsubscribe(request.query_params.get("token", ""))
        except BadSignature:
            raise InvalidInput([field_error("token", "invalid_token", _("This link is not right."))]) from None
        return _page(link, done=True)


def _page(link: Link | None, *, done: bool, status: int = 200) -> HttpResponse:
    """The page in the language of the mails; ``link`` is ``None`` for a wrong one."""
    context = {"link": link, "done": done, "site_name": site_name(), "site_url": site_url()}
    with translation.override(_language(link)):
        return HttpResponse(render_to_string("shopcore/notifications/unsubscribe.html", context), status=status)


def _language(link: Link | None) -> str | None:
    row = Preferences.objects.filter(pk=link.user_key).first() if link and link.user_key is not None else None
    return Wishes(row).language if row and row.language else translation.get_language()
