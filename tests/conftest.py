"""Which tests run under which project, and the servers they may ask for.

A project is a settings module in ``tests/projects``; one pytest process runs one of them. A module says
``pytestmark = pytest.mark.projects("full", "swapped")``, a package says so for its modules in its
``__init__.py``, a test may say otherwise with the decorator; whoever says nothing runs under ``full``.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
from django.dispatch import Signal
from django.utils import translation

from tests import servers

HERE = Path(__file__).parent
DEFAULT = frozenset({"full"})


def _current_project() -> str:
    return os.environ["DJANGO_SETTINGS_MODULE"].rpartition(".")[2]


def _named_in(nodes: Iterable[ast.AST]) -> frozenset[str]:
    calls = (node for top in nodes for node in ast.walk(top) if isinstance(node, ast.Call))
    marks = (call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "projects")
    return frozenset(str(arg.value) for mark in marks for arg in mark.args if isinstance(arg, ast.Constant))


def _pytestmark(tree: ast.Module) -> list[ast.AST]:
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    return [node.value for node in assigned if "pytestmark" in map(ast.unparse, node.targets)]


@cache
def _declared(path: Path) -> frozenset[str]:
    """The projects of a file as a whole: what its ``pytestmark`` says, else its package's, else the default."""
    if own := _named_in(_pytestmark(ast.parse(path.read_bytes()))):
        return own
    package = path.parent.parent if path.name == "__init__.py" else path.parent
    above = package / "__init__.py"
    return _declared(above) if package.is_relative_to(HERE) and above.exists() else DEFAULT


@cache
def _concerned(path: Path) -> bool:
    return _current_project() in _declared(path) | _named_in([ast.parse(path.read_bytes())])


class OfAnotherProject(pytest.Module):
    """Never imported: its models may belong to apps that this project does not install."""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        return []


def pytest_configure(config: pytest.Config) -> None:
    # A test named on the command line belongs to some cells of the matrix; to the others it is not an error.
    for place, argument in enumerate(config.args):
        path = config.invocation_params.dir / argument.partition("::")[0]
        if "::" in argument and path.is_file() and not _concerned(path.resolve()):
            config.args[place] = str(path)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    if _concerned(module_path):
        return None
    module: pytest.Module = OfAnotherProject.from_parent(parent, path=module_path)
    return module


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        mark = item.get_closest_marker("projects")
        projects = frozenset(mark.args) if mark else _declared(item.path)
        (kept if _current_project() in projects else others).append(item)
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = kept


@pytest.fixture(autouse=True)
def _receivers_end_with_their_test() -> Iterator[None]:
    """A receiver that a test connects is held by the traceback of what it raised, and would hear the next test."""
    from django.db.models.signals import pre_save

    from django_shopcore.accounts import signals as of_accounts
    from django_shopcore.catalog import signals as of_catalog
    from django_shopcore.mfa import signals as of_mfa

    ours = [signal for module in (of_accounts, of_catalog, of_mfa) for signal in vars(module).values()]
    before = {signal: list(signal.receivers) for signal in [pre_save, *ours] if isinstance(signal, Signal)}
    yield
    for signal, receivers in before.items():
        signal.receivers = receivers
        signal.sender_receivers_cache.clear()


@pytest.fixture(autouse=True)
def _nothing_is_owed_to_the_next_test() -> Iterator[None]:
    """What one test has counted in this process is no request of the next one."""
    from django_shopcore.core import tallies

    yield
    tallies.forget()


@pytest.fixture
def redis_url() -> str:
    """An address of a real Redis. The test may flush this database."""
    url = servers.redis_url()
    if url is None:
        pytest.skip(f"no Redis server runs here: {servers.redis_missing()}")
    return url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if reason := servers.redis_missing():
        terminalreporter.write_sep("!", "tests against Redis were SKIPPED", yellow=True, bold=True)
        terminalreporter.write_line(reason)


@pytest.fixture(autouse=True)
def _language_ends_with_its_test() -> Iterator[None]:
    """Django's LocaleMiddleware leaves the language of the last request with the thread."""
    yield
    translation.deactivate()
