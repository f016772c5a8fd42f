"""A site with models of its own beside our Product, Category and User."""

from .full import *  # noqa: F403
from .full import INSTALLED_APPS as OURS

INSTALLED_APPS = [*OURS, "tests.projects.extras"]
