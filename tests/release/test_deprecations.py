"""What is deprecated is removed when its release has come: until it is, the build fails."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import django_shopcore
from django_shopcore.core import deprecation

pytestmark = pytest.mark.projects("full")

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"RemovedInShopcore(\d+)Warning")


def problems(version: str, module: Any) -> list[str]:
    """What has to be done to the classes of ``module`` before ``version`` can be released."""
    now = tuple(map(int, version.split(".")[:2]))
    classes = sorted(
        (one for name, one in vars(module).items() if NAME.fullmatch(name)), key=lambda one: one.removed_in
    )
    found = [
        f"{one.__name__}: remove what warns so, and the class, before {version}"
        for one in classes
        if one.removed_in <= now
    ]
    ahead = [one for one in classes if one.removed_in > now]
    expected = [DeprecationWarning, PendingDeprecationWarning]
    if [one.__base__ for one in ahead] != expected:
        found.append(
            "two releases ahead have a class: DeprecationWarning for the next, PendingDeprecationWarning after it"
        )
    found += [
        f"{one.__name__}: removed_in is {one.removed_in}"
        for one in classes
        if NAME.fullmatch(one.__name__)[1] != "".join(map(str, one.removed_in))  # type: ignore[index]
    ]
    return found


def module_with(*classes: tuple[str, type, tuple[int, int]]) -> Any:
    made = {f"RemovedInShopcore{name}Warning": (base, version) for name, base, version in classes}
    return SimpleNamespace(**{name: type(name, (base,), {"removed_in": v}) for name, (base, v) in made.items()})


NEXT, AFTER = DeprecationWarning, PendingDeprecationWarning


def test_nothing_is_kept_beyond_the_release_that_was_to_remove_it() -> None:
    assert problems(django_shopcore.__version__, deprecation) == []


@pytest.mark.parametrize("version", ["0.2.0", "0.2.0rc1", "0.2.1"])
def test_the_build_fails_when_a_warnings_release_has_come(version: str) -> None:
    found = problems(version, deprecation)
    assert found[0] == f"RemovedInShopcore02Warning: remove what warns so, and the class, before {version}"
    # Without it the next class has to move up, and a further one to come.
    rest = module_with(("03", AFTER, (0, 3)))
    assert [problem.partition(":")[0] for problem in problems(version, rest)] == ["two releases ahead have a class"]
    assert problems(version, module_with(("03", NEXT, (0, 3)), ("04", AFTER, (0, 4)))) == []


def test_the_release_after_the_last_of_a_major_version_is_the_next_one() -> None:
    assert problems("0.9.3", module_with(("010", NEXT, (0, 10)), ("10", AFTER, (1, 0)))) == []
    assert problems("0.10.0", module_with(("10", NEXT, (1, 0)), ("11", AFTER, (1, 1)))) == []
    assert problems("1.0.0", module_with(("10", NEXT, (1, 0)), ("11", AFTER, (1, 1))))


def test_a_name_that_says_another_release_is_noticed() -> None:
    assert problems("0.1.0", module_with(("02", NEXT, (0, 2)), ("03", AFTER, (0, 4)))) == [
        "RemovedInShopcore03Warning: removed_in is (0, 4)"
    ]


def test_only_classes_that_exist_are_named_in_the_library_and_its_documentation() -> None:
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "docs").rglob("*.md")]
    named = {match for path in files for match in NAME.findall(path.read_text(encoding="utf-8"))}
    assert {f"RemovedInShopcore{number}Warning" for number in named} == {
        name for name in vars(deprecation) if NAME.fullmatch(name)
    }


def sections(page: str) -> list[str]:
    return re.findall(r"^## (\d+\.\d+)$", page, re.MULTILINE)


def test_every_minor_release_has_its_upgrade_notes_the_latest_first() -> None:
    page = (ROOT / "docs/reference/upgrading.md").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = [django_shopcore.__version__, *re.findall(r"^## \[(\d\S+)\]", changelog, re.MULTILINE)]
    minors = {tuple(map(int, version.split(".")[:2])) for version in versions}
    assert sections(page) == [".".join(map(str, minor)) for minor in sorted(minors, reverse=True)]
    assert sections("## 0.2\n\nText\n\n## 0.1\n\n## Warnings\n") == ["0.2", "0.1"]
