"""The same beside a Product of its own."""

from .swapped import *  # noqa: F403
from .swapped import INSTALLED_APPS as OTHERS

INSTALLED_APPS = [*OTHERS, "tests.projects.extras"]
