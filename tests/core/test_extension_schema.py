"""Extensions in the OpenAPI description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

pytestmark = [pytest.mark.django_db, pytest.mark.projects("extended", "extended_swapped")]


@pytest.fixture(scope="module")
def components(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file: Path = tmp_path_factory.mktemp("openapi") / "schema.json"
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", str(file))
    found: dict[str, Any] = json.loads(file.read_text())["components"]["schemas"]
    return found


@pytest.mark.parametrize(
    ("component", "name", "shown"),
    [
        ("Product", "spec", "Spec"),
        ("PatchedProduct", "spec", "PatchedSpec"),
        ("PatchedBulkUpdate", "spec", "PatchedSpec"),
        ("Category", "display", "Display"),
        ("PatchedCategory", "display", "PatchedDisplay"),
        ("User", "profile", "Profile"),
        ("UserForAdmins", "profile", "Profile"),
        ("PatchedUserNames", "profile", "PatchedProfile"),
        ("PatchedUserRole", "profile", "PatchedProfile"),
    ],
)
def test_what_is_extended_has_the_extension_or_null(
    components: dict[str, Any], component: str, name: str, shown: str
) -> None:
    assert components[component]["properties"][name] == {
        "oneOf": [{"$ref": f"#/components/schemas/{shown}"}, {"type": "null"}]
    }
    assert name not in components[component].get("required", [])


def test_the_extension_is_described_as_its_serializer_has_it(components: dict[str, Any]) -> None:
    spec = components["Spec"]
    assert list(spec["properties"]) == ["weight", "colour", "volume", "barcode", "checked_at"]
    assert (spec["properties"]["checked_at"]["readOnly"], spec["required"]) == (True, ["checked_at", "weight"])
    assert "required" not in components["PatchedSpec"]
