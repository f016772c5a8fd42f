"""What a site's own tests need: rows, clients that are somebody, and budgets of statements.

The factories need factory-boy, which ``pip install "django-shopcore[testing]"`` brings; the rest needs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalog import CategoryFactory, ProductFactory
    from .clients import ShopcoreClient
    from .factories import AdminFactory, UserFactory
    from .queries import QueryBudgetMixin, assert_constant_queries, query_budget
    from .users import PASSWORD, make_user

# Imported when they are asked for: models want a site that is set up, and factories a package.
_PLACES = {
    "CategoryFactory": "catalog",
    "ProductFactory": "catalog",
    "ShopcoreClient": "clients",
    "AdminFactory": "factories",
    "UserFactory": "factories",
    "QueryBudgetMixin": "queries",
    "assert_constant_queries": "queries",
    "query_budget": "queries",
    "PASSWORD": "users",
    "make_user": "users",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PLACES[name]}", __name__), name)


__all__ = [
    "PASSWORD",
    "AdminFactory",
    "CategoryFactory",
    "ProductFactory",
    "QueryBudgetMixin",
    "ShopcoreClient",
    "UserFactory",
    "assert_constant_queries",
    "make_user",
    "query_budget",
]
