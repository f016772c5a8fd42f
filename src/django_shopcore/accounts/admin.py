from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from django_shopcore.core.adapters import admin_adapter
from django_shopcore.core.changes import changes_of
from django_shopcore.core.errors import Conflict
from django_shopcore.core.extension_admin import ExtensionInlinesMixin
from django_shopcore.core.redaction import HIDDEN
from django_shopcore.core.users import email_column
from django_shopcore.core.writes import atomic_write

from . import passwords, services, signals
from .admins import lock_for_removal, lock_users
from .models import Session, User


class OwnValidators:
    """For forms that set passwords: asks for what the API asks for."""

    cleaned_data: dict[str, Any]
    add_error: Any

    def validate_password_for_user(self, user: Any, **kwargs: Any) -> None:
        password = self.cleaned_data.get("password2")
        if password and self.cleaned_data.get("set_usable_password", True):
            try:
                passwords.validate(password, user)
            except ValidationError as exc:
                self.add_error("password2", exc)


class NewUserForm(OwnValidators, AdminUserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("email", "first_name", "last_name", "is_staff")


class NewPasswordForm(OwnValidators, AdminPasswordChangeForm):  # type: ignore[type-arg]
    """Tells of the new password, not what it is."""

    def save(self, commit: bool = True) -> Any:
        user = super().save(commit)
        services.announce_changes(user, {"password": (HIDDEN, HIDDEN)})
        return user


class ChangeUserForm(UserChangeForm):  # type: ignore[type-arg]
    """Refuses to take the role from the last active admin."""

    class Meta:
        model = User
        fields = "__all__"

    def clean(self) -> Any:
        data = super().clean() or {}
        # A field that is not on the form keeps its value.
        names = filter(None, ("is_active", admin_adapter().column()))
        stays = all(data.get(name, getattr(self.instance, name)) for name in names)
        if not stays:
            try:
                lock_for_removal([self.instance.pk])
            except Conflict as exc:
                raise ValidationError(str(exc.detail), code="last_admin") from exc
        return data


class UserAdmin(ExtensionInlinesMixin, DjangoUserAdmin):  # type: ignore[type-arg]
    form = ChangeUserForm
    add_form = NewUserForm
    change_password_form = NewPasswordForm
    fieldsets = (
        (None, {"fields": ("email", "password", "email_verified")}),
        (_("Personal info"), {"fields": ("first_name", "last_name")}),
        (_("Permissions"), {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        (_("Important dates"), {"fields": ("last_login", "created_at")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": (
                    "email", "first_name", "last_name", "is_staff", "usable_password", "password1", "password2",
                ),
            },
        ),
    )  # fmt: skip
    list_display = ("email", "first_name", "last_name", "is_active", "is_staff", "email_verified", "created_at")
    list_filter = ("is_active", "is_staff", "is_superuser", "email_verified", "groups")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("-created_at",)
    readonly_fields = ("last_login", "created_at")
    actions = ("activate", "deactivate")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            signals.user_created.send(sender=type(obj), user=obj)
            return
        if not obj.is_active:
            services.end_all_sessions(obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if change:
            services.announce_changes(form.instance, {**_changes_on(form), **(changes_of(form.instance) or {})})

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        with atomic_write(User):
            return super().user_change_password(request, id, form_url)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Erases all that is held on the person too."""
        with transaction.atomic(using=obj._state.db):
            self._keep_an_admin([obj.pk])
            services.erase_account(obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        with transaction.atomic(using=queryset.db):
            rows = list(queryset)
            self._keep_an_admin([user.pk for user in rows])
            for user in rows:
                services.erase_account(user)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Lists the last active admin among what stands in the way, as Django does with protected objects.

        Whoever may delete a user may delete the rows of ours that go with one, such as sessions.
        """
        deleted, counts, needed, protected = super().get_deleted_objects(objs, request)
        needed = needed - self._names_of_own_rows()
        try:
            with atomic_write(User):
                lock_for_removal([obj.pk for obj in objs])
        except Conflict as exc:
            protected = [*protected, str(exc.detail)]
        return deleted, counts, needed, protected

    @staticmethod
    def _names_of_own_rows() -> set[Any]:
        fields: list[Any] = User._meta.get_fields(include_hidden=True)
        models = [field.related_model for field in fields if field.auto_created and field.related_model]
        return {model._meta.verbose_name for model in models if model._meta.app_label.startswith("shopcore_")}

    @staticmethod
    def _keep_an_admin(keys: list[Any]) -> None:
        try:
            lock_for_removal(keys)
        except Conflict as exc:  # another request took the other admin since the page was shown
            raise PermissionDenied(str(exc.detail)) from exc

    @admin.action(description=_("Activate the selected users"), permissions=["change"])
    def activate(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        with atomic_write(User):
            rows = lock_users(list(queryset.values_list("pk", flat=True)))
            for user in rows:
                services.change_role(user, is_active=True)
        self._report(
            request, len(rows), ngettext("%(count)d user is active.", "%(count)d users are active.", len(rows))
        )

    @admin.action(description=_("Deactivate the selected users"), permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        try:
            with atomic_write(User):
                rows = lock_for_removal(list(queryset.values_list("pk", flat=True)))
                for user in rows:
                    services.change_role(user, is_active=False)
        except Conflict as exc:
            self.message_user(request, str(exc.detail), messages.ERROR)
            return
        self._report(
            request, len(rows), ngettext("%(count)d user is inactive.", "%(count)d users are inactive.", len(rows))
        )

    def _report(self, request: HttpRequest, count: int, text: str) -> None:
        self.message_user(request, text % {"count": count}, messages.SUCCESS)


def _changes_on(form: Any) -> dict[str, tuple[Any, Any]]:
    """What has been changed on a form that is valid; rows of other tables by their names."""

    def told(value: Any) -> Any:
        is_rows = isinstance(value, (list, models.QuerySet))
        return sorted(str(one) for one in value) if is_rows else value

    names = [name for name in form.changed_data if name in form.cleaned_data]
    return {name: (told(form.initial.get(name)), told(form.cleaned_data[name])) for name in names}


@admin.register(Session)
class SessionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What is signed in where. Nothing of the tokens is shown, and nothing but the end can be written."""

    list_display = ("user", "ip_address", "user_agent", "created_at", "last_used_at", "expires_at", "live")
    list_select_related = ("user",)
    list_filter = ("last_used_at", "ended_at")
    ordering = ("-last_used_at",)
    fields = (
        "user", "ip_address", "user_agent", "created_at", "last_used_at", "rotated_at", "expires_at", "ended_at",
        "live",
    )  # fmt: skip
    actions = ("end_sessions",)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return (f"user__{email_column()}", "ip_address")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_end_permission(self, request: HttpRequest) -> bool:
        """Whoever may change sessions, in the sense of Django's permissions, may end them."""
        return bool(request.user.has_perm("shopcore_accounts.change_session"))

    @admin.display(description=_("live"), boolean=True)
    def live(self, session: Session) -> bool:
        return session.is_live()

    @admin.action(description=_("End these sessions"), permissions=["end"])
    def end_sessions(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        open_ones = Session.objects.fresh().filter(pk__in=queryset.values("pk"), ended_at=None)
        by_user: dict[Any, list[Any]] = {}
        for session in open_ones.select_related("user"):
            by_user.setdefault(session.user, []).append(session.pk)
        with atomic_write(Session):
            count = sum(services.end_sessions(user, keys) for user, keys in by_user.items())
        text = ngettext("%(count)d session was ended.", "%(count)d sessions were ended.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)


if User._meta.label == settings.AUTH_USER_MODEL:
    admin.site.register(User, UserAdmin)
