"""What may be registered as an extension, what is refused, and what the system checks say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import models
from django.test.utils import isolate_apps
from rest_framework import serializers

from django_shopcore.catalog import get_category_model, get_product_model
from django_shopcore.core.announcing import watched_models
from django_shopcore.core.extension_checks import check_extensions
from django_shopcore.core.extensions import (
    all_extensions,
    extended,
    extensions_of,
    register_extension,
    unregister_extension,
)

pytestmark = [pytest.mark.projects("full", "swapped")]

ANY = "rest_framework.serializers.Serializer"


class Plain(serializers.Serializer[Any]):
    weight = serializers.IntegerField()


class OfAnother(serializers.Serializer[Any]):
    weight = serializers.IntegerField(source="grams")
    product = serializers.IntegerField()


def one_to_one(to: Any = None, **options: Any) -> Any:
    return models.OneToOneField(to or get_product_model(), models.CASCADE, **options)


def make(name: str = "Spec", **fields: Any) -> Any:
    """A model of the site's, that is not left in the registry of apps."""
    meta = type("Meta", (), {"app_label": "tests"})
    parts = {"__module__": __name__, "Meta": meta, "weight": models.IntegerField(), **fields}
    return type(name, (models.Model,), parts)


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """What the tests' models add to ours is taken back."""
    ours = [get_product_model(), get_category_model(), get_user_model()]
    with isolate_apps("tests"):
        yield
    for extension in all_extensions():
        unregister_extension(extension.related_model)
    apps.clear_cache()
    for model in ours:
        for name in ("spec", "other", "display"):
            if name in vars(model):
                delattr(model, name)


def test_a_model_is_registered_with_what_leads_to_it() -> None:
    spec = make(product=one_to_one(related_name="sheet", related_query_name="of"))
    registered = register_extension(get_product_model(), spec, serializer=Plain, name="spec")
    assert extensions_of(get_product_model()) == (registered,)
    assert (registered.accessor, registered.lookup, registered.serializer_class) == ("sheet", "of", Plain)
    assert extensions_of(get_category_model()) == ()


def test_a_table_is_watched_as_long_as_its_model_is_registered() -> None:
    spec = make(product=one_to_one())
    with extended(get_product_model(), spec, serializer=Plain, name="spec"):
        assert spec in watched_models()
    assert spec not in watched_models()


def test_the_context_of_a_test_takes_it_back() -> None:
    with extended(get_product_model(), make(product=one_to_one()), serializer=Plain, name="spec") as extension:
        assert all_extensions() == [extension]
    assert all_extensions() == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "has no OneToOneField"),
        ({"product": "foreign key"}, "has no OneToOneField"),
        ({"product": "another model"}, "has no OneToOneField"),
        ({"product": "one", "other": "one more"}, "has several OneToOneField"),
        ({"product": "hidden"}, "ends in +"),
    ],
)
def test_what_is_not_one_to_one_is_refused(fields: dict[str, str], said: str) -> None:
    kinds = {
        "foreign key": lambda: models.ForeignKey(get_product_model(), models.CASCADE, related_name="spec"),
        "another model": lambda: one_to_one(get_category_model()),
        "one": one_to_one,
        "one more": lambda: one_to_one(related_name="other"),
        "hidden": lambda: one_to_one(related_name="+"),
    }
    spec = make(**{name: kinds[kind]() for name, kind in fields.items()})
    with pytest.raises(ImproperlyConfigured, match=r"tests.Spec.*" + said.replace("+", r"\+")):
        register_extension(get_product_model(), spec, serializer=Plain, name="spec")
    assert all_extensions() == []


@pytest.mark.parametrize("name", ["price", "category", "id", "not-a-name", ""])
def test_a_name_that_is_taken_or_none_at_all_is_refused(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="already|identifier"):
        register_extension(get_product_model(), make(product=one_to_one()), serializer=Plain, name=name)


def test_a_name_and_a_model_are_registered_once() -> None:
    spec, other = make(product=one_to_one()), make("Other", product=one_to_one())
    register_extension(get_product_model(), spec, serializer=Plain, name="spec")
    for model, name in ((other, "spec"), (spec, "another")):
        with pytest.raises(ImproperlyConfigured, match="already"):
            register_extension(get_product_model(), model, serializer=Plain, name=name)
    register_extension(get_product_model(), other, serializer=Plain, name="another")
    assert [one.name for one in extensions_of(get_product_model())] == ["spec", "another"]


@pytest.mark.projects("swapped")
def test_a_product_that_is_swapped_out_is_refused() -> None:
    from django_shopcore.catalog.models import Product

    with pytest.raises(ImproperlyConfigured, match=r"swapped for store.Product: .*get_product_model"):
        register_extension(Product, make(product=one_to_one()), serializer=Plain, name="spec")


def ids() -> list[tuple[str, str]]:
    messages = check_extensions(None)
    assert all(message.hint for message in messages)
    return [(str(message.id), message.msg) for message in messages]


@pytest.mark.django_db
def test_a_good_one_passes_the_checks() -> None:
    with extended(get_product_model(), make(product=one_to_one()), serializer=Plain, name="spec"):
        assert ids() == []
        call_command("check")


@pytest.mark.parametrize(
    ("serializer", "said"),
    [
        ("no.such.Serializer", "no.such.Serializer cannot be imported."),
        (3, "its serializer is no serializer class."),
        ("django.db.models.Model", "its serializer is no serializer class."),
        (serializers.ListSerializer, "its serializer has no fields."),
    ],
)
def test_a_serializer_that_is_none_is_an_error(serializer: Any, said: str) -> None:
    with extended(get_product_model(), make(product=one_to_one()), serializer=serializer, name="spec"):
        [(found, message)] = ids()
    assert (found, message.endswith(said)) == ("shopcore.E009", True)


def test_a_serializer_that_writes_what_is_no_column_is_an_error() -> None:
    with extended(get_product_model(), make(product=one_to_one()), serializer=OfAnother, name="spec"):
        found = ids()
    assert [code for code, _message in found] == ["shopcore.E009", "shopcore.E009"]
    assert "writes weight, which is no column of tests.Spec." in found[0][1]
    assert "writes product." in found[1][1]


def test_a_model_that_takes_no_extension_is_an_error() -> None:
    order = make("Order")
    spec = make(order=one_to_one(order))
    with extended(order, spec, serializer=Plain, name="spec"):
        assert [found for found, _message in ids()] == ["shopcore.E008"]


def test_a_name_that_the_serializer_has_for_another_field_is_an_error() -> None:
    with extended(get_product_model(), make(product=one_to_one()), serializer=Plain, name="category_name"):
        assert [found for found, _message in ids()] == ["shopcore.E010"]
    user = get_user_model()
    with extended(user, make("Other", user=one_to_one(user)), serializer=Plain, name="is_admin"):
        assert [found for found, _message in ids()] == ["shopcore.E010"]
