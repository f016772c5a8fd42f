"""What a Category and a Product are. A site subclasses these to bring models of its own::

    class Product(AbstractProduct):
        warranty_months = models.PositiveIntegerField(default=24)

        class Meta(AbstractProduct.Meta):
            pass

and names it in ``SHOPCORE_CATALOG_PRODUCT_MODEL`` before its first migration.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MinValueValidator, URLValidator
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from django_shopcore.core.locking import take_write_lock

from .conf import app_settings, name_default_models
from .querysets import CategoryQuerySet, ProductQuerySet
from .slugs import MAX_LENGTH, free_slugs, slug_base

name_default_models()

MAX_DESCRIPTION = 20_000
MAX_METADATA_BYTES = 16 * 1024
# Each lost race for a slug was won by somebody: this many may save the same name at once.
ATTEMPTS = 50


class SluggedModel(models.Model):
    """Fills an empty slug from the name when saved, also when another process takes the same one."""

    slug_fallback = "item"

    # No index of its own: the unique constraint's serves look-ups, and a SlugField would add one for LIKE.
    slug = models.SlugField(
        _("slug"),
        max_length=MAX_LENGTH,
        allow_unicode=True,
        blank=True,
        db_index=False,
        help_text=_("Made from the name when left empty."),
    )

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.slug:
            super().save(*args, **kwargs)
            return
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "slug"}
        self._save_with_slug(lambda: super(SluggedModel, self).save(*args, **kwargs), kwargs.get("using"))

    def _save_with_slug(self, save: Callable[[], None], using: str | None) -> None:
        manager = type(self)._default_manager.using(using) if using else type(self)._default_manager
        base = slug_base(self.name, self.slug_fallback)  # type: ignore[attr-defined]
        for attempt in range(ATTEMPTS):
            [self.slug] = free_slugs(manager, [base])  # type: ignore[arg-type]
            try:
                with transaction.atomic(using=using):
                    take_write_lock(type(self))
                    save()
                return
            except IntegrityError:
                if attempt == ATTEMPTS - 1 or not manager.filter(slug=self.slug).exists():
                    raise


class AbstractCategory(SluggedModel):
    """A node of the category tree."""

    slug_fallback = "category"

    name = models.CharField(_("name"), max_length=255)
    # The unique constraint's index, which starts with the parent, serves the foreign key too.
    # Not "self": in a site that swaps the model, our unused one would then differ from its migration.
    parent = models.ForeignKey(
        app_settings.CATEGORY_MODEL,
        verbose_name=_("parent"),
        null=True,
        blank=True,
        on_delete=models.RESTRICT,
        related_name="children",
        db_index=False,
    )
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    private_metadata = models.JSONField(_("private metadata"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = CategoryQuerySet.as_manager()

    class Meta:
        abstract = True
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["slug"], name="%(app_label)s_%(class)s_slug_unique"),
            models.UniqueConstraint(
                fields=["parent", "name"],
                name="%(app_label)s_%(class)s_name_unique",
                violation_error_message=_("There is a category of this name here already."),
            ),
            models.UniqueConstraint(
                fields=["name"],
                condition=Q(parent=None),
                name="%(app_label)s_%(class)s_root_name_unique",
                violation_error_message=_("There is a category of this name here already."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        if self.pk and self.parent is not None and self.would_cycle(self.parent.pk):
            raise ValidationError({"parent": ValidationError(_("A category cannot be beneath itself."), code="cycle")})

    def would_cycle(self, parent_id: Any) -> bool:
        """Whether moving this category under ``parent_id`` would put it beneath itself."""
        return type(self)._default_manager.with_ancestors(parent_id).filter(pk=self.pk).exists()


def default_currency() -> str:
    return app_settings.CURRENCY


class AbstractProduct(SluggedModel):
    """Something for sale."""

    slug_fallback = "product"

    name = models.CharField(_("name"), max_length=255)
    sku = models.CharField(_("SKU"), max_length=255, null=True, blank=True)  # noqa: DJ001 - unique, so absent is NULL
    description = models.TextField(
        _("description"), blank=True, default="", validators=[MaxLengthValidator(MAX_DESCRIPTION)]
    )
    price = models.DecimalField(_("price"), max_digits=12, decimal_places=2, validators=[MinValueValidator(Decimal(0))])
    compare_at_price = models.DecimalField(
        _("compare-at price"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("The struck-through price, above the price."),
    )
    currency = models.CharField(_("currency"), max_length=3, default=default_currency, editable=False)
    # An index of operations.ListIndexes starts with the category.
    category = models.ForeignKey(
        app_settings.CATEGORY_MODEL,
        verbose_name=_("category"),
        on_delete=models.PROTECT,
        related_name="products",
        db_index=False,
    )
    in_stock = models.BooleanField(_("in stock"), default=True)
    is_published = models.BooleanField(_("published"), default=True)
    image_url = models.URLField(  # noqa: DJ001 - the API says null where there is none
        _("image URL"), max_length=2000, null=True, blank=True, validators=[URLValidator(schemes=["https"])]
    )
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    private_metadata = models.JSONField(_("private metadata"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = ProductQuerySet.as_manager()

    class Meta:
        abstract = True
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["slug"], name="%(app_label)s_%(class)s_slug_unique"),
            models.UniqueConstraint(fields=["sku"], name="%(app_label)s_%(class)s_sku_unique"),
            models.CheckConstraint(condition=Q(price__gte=0), name="%(app_label)s_%(class)s_price_not_negative"),
            models.CheckConstraint(
                condition=Q(compare_at_price=None) | Q(compare_at_price__gt=F("price")),
                name="%(app_label)s_%(class)s_compare_above_price",
                violation_error_message=_("The compare-at price must be above the price."),
            ),
        ]
        # The indexes of the lists are in operations.ListIndexes. Unnamed: a site's subclass gets a name of its own.
        indexes = [models.Index(fields=["updated_at"])]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.sku = self.sku or None
        self.image_url = self.image_url or None
        super().save(*args, **kwargs)
