"""Users of whatever model the project at hand has: the library's own factories."""

from django_shopcore.testing import PASSWORD, AdminFactory, UserFactory

__all__ = ["PASSWORD", "AdminFactory", "UserFactory"]
