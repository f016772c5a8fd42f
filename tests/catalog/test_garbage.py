"""Imports and the collector of garbage, which would look through the whole process again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from django_shopcore.catalog.importing import UnreadableFile, import_products
from django_shopcore.core.garbage import APPLICATION
from tests.catalog.test_import_scale import Generated

pytestmark = [pytest.mark.projects("full"), pytest.mark.django_db]


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_it_leaves_alone_what_was_there_before_an_import_and_looks_after_all_afterwards() -> None:
    frozen: list[int] = []
    import_products(Generated(5), progress=lambda done: frozen.append(gc.get_freeze_count()))
    assert min(frozen) > APPLICATION
    assert gc.get_freeze_count() == 0


def test_so_it_does_after_an_import_that_fails() -> None:
    with pytest.raises(UnreadableFile):
        import_products(Generated(5), format="shopify")
    assert gc.get_freeze_count() == 0


def test_what_a_site_has_frozen_stays_so() -> None:
    gc.freeze()
    import_products(Generated(5))
    assert gc.get_freeze_count() > APPLICATION
