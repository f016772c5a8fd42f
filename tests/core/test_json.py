"""Bodies are the same JSON with and without orjson."""

from __future__ import annotations

import datetime
import importlib
import json
import sys
import uuid
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from django.utils.translation import gettext_lazy
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.utils.serializer_helpers import ReturnDict

from django_shopcore.core import json as module
from tests.core.views import OpenView

pytestmark = [pytest.mark.projects("full"), pytest.mark.urls("tests.core.views")]


@pytest.fixture(params=["with orjson", "without"])
def writer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Our JSON as it is where orjson is installed, and as it is where it is not."""
    if request.param == "without":
        monkeypatch.setitem(sys.modules, "orjson", None)  # type: ignore[arg-type] - an import of it fails then
    elif importlib.util.find_spec("orjson") is None:
        pytest.skip("orjson is not installed")
    yield importlib.reload(module)
    monkeypatch.undo()
    importlib.reload(module)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"name": "Zoë's 机", "none": None, "yes": True}, '{"name":"Zoë\'s 机","none":null,"yes":true}'),
        ('a\u2028b\x7f\x1f"\\/\n', '"a\u2028b\x7f\\u001f\\"\\\\/\\n"'),
        ([2**63, 2**64, -(2**70), 10**30], f"[{2**63},{2**64},{-(2**70)},{10**30}]"),
        ([0.1, -0.0, 1.5], "[0.1,-0.0,1.5]"),
        ((1, [2, (3,)]), "[1,[2,[3]]]"),
        ({1: "a number for a name"}, '{"1":"a number for a name"}'),
        (uuid.UUID(int=7), '"00000000-0000-0000-0000-000000000007"'),
        (datetime.datetime(2026, 1, 31, 12, 0, 0, 123456, datetime.timezone.utc), '"2026-01-31T12:00:00.123456Z"'),
        (datetime.date(2026, 1, 31), '"2026-01-31"'),
        (gettext_lazy("Yes"), '"Yes"'),
        (ReturnDict({"a": 1}, serializer=None), '{"a":1}'),
        ({"nan": float("nan"), "all": [float("inf"), (-float("inf"), 1.5)]}, '{"nan":null,"all":[null,[null,1.5]]}'),
    ],
)
def test_values_are_written_alike(writer: ModuleType, data: Any, text: str) -> None:
    assert writer.dumps(data).decode() == text


def test_deep_bodies_are_written_alike(writer: ModuleType) -> None:
    deep: Any = None
    for _ in range(300):  # orjson gives up at 255
        deep = [deep]
    assert writer.dumps(deep) == b"[" * 300 + b"null" + b"]" * 300


def test_half_a_character_is_refused(writer: ModuleType) -> None:
    with pytest.raises(UnicodeEncodeError):
        writer.dumps({"text": "\ud800"})


def test_a_view_answers_alike(writer: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {"name": "Zoë", "big": 2**70, "half": 0.5, "none": float("nan")}
    monkeypatch.setattr(OpenView, "get", lambda self, request: Response(data))
    answer = APIClient().get("/open/")
    assert answer.content.decode() == f'{{"name":"Zoë","big":{2**70},"half":0.5,"none":null}}'
    assert json.loads(answer.content)["big"] == 2**70
    assert answer["Content-Type"] == "application/json"
