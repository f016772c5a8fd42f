"""What a user of ours is. A site that wants more columns subclasses it and names its own model in
``AUTH_USER_MODEL`` before its first migration::

    class Customer(AbstractUser):
        birthday = models.DateField(null=True)

        class Meta(AbstractUser.Meta):
            swappable = "AUTH_USER_MODEL"
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, TypeVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .addresses import MAX_LENGTH, normalise_email, validate_address
from .passwords import NormalisedPasswords

U = TypeVar("U", bound="AbstractUser")


class UserManager(BaseUserManager[U]):
    """Makes users, and finds them whatever the case of the address."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        return normalise_email(email)

    def get_by_natural_key(self, username: str | None) -> U:
        return self.get(email=normalise_email(username))

    async def aget_by_natural_key(self, username: str | None) -> U:
        return await self.aget(email=normalise_email(username))

    def create_user(self, email: str, password: str | None = None, **columns: Any) -> U:
        """A saved user without privileges; without a password it has an unusable one. Raises ``ValueError``."""
        if not normalise_email(email):
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email, **columns)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **columns: Any) -> U:
        """A saved admin who may do everything in the Django admin too. Raises ``ValueError``."""
        columns = {"is_staff": True, "is_superuser": True} | columns
        if not (columns["is_staff"] and columns["is_superuser"]):
            raise ValueError("A superuser is staff and superuser.")
        return self.create_user(email, password, **columns)


class AbstractUser(NormalisedPasswords, AbstractBaseUser, PermissionsMixin):
    """An account whose e-mail address is its name."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(
        _("email address"),
        max_length=MAX_LENGTH,
        unique=True,
        validators=[validate_address],
        error_messages={"unique": _("There is an account with this address already.")},
        help_text=_("Stored in lower case."),
    )
    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    # Third-party code, the Django admin first, looks for `is_staff`; the column and the API say `is_admin`.
    is_staff = models.BooleanField(
        _("admin"), default=False, db_column="is_admin", help_text=_("May manage the shop and enter this admin site.")
    )
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Switch this off instead of deleting an account.")
    )
    email_verified = models.BooleanField(_("email verified"), default=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects: ClassVar[UserManager[Any]] = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        abstract = True
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="%(app_label)s_%(class)s_email_ci",
                violation_error_message=_("There is an account with this address already."),
            )
        ]
        indexes = [models.Index(fields=["-created_at", "-id"])]

    def __str__(self) -> str:
        return self.email

    @property
    def is_admin(self) -> bool:
        return self.is_staff

    @is_admin.setter
    def is_admin(self, value: bool) -> None:
        self.is_staff = value

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = normalise_email(self.email)
        super().save(*args, **kwargs)

    def clean(self) -> None:
        super().clean()
        self.email = normalise_email(self.email)

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def get_short_name(self) -> str:
        return self.first_name or self.email
