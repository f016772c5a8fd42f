"""What is asked of somebody whose password was right, before a session opens.

Accounts asks nothing by itself. A feature above it registers a step as its app gets ready::

    second_step.register(ask_for_a_code, answer="django_shopcore.mfa.serializers.SecondStepSerializer")

``signin.sign_in`` asks every step, so no way of signing in goes past them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.module_loading import import_string
from drf_spectacular.drainage import get_override, set_override
from drf_spectacular.utils import PolymorphicProxySerializer

Step = Callable[[HttpRequest, Any], Mapping[str, Any] | None]

_steps: list[tuple[Step, str]] = []


class SecondStepRequired(Exception):  # noqa: N818 - an answer, not a fault
    """The password alone opens no session. ``answer`` is the body that says what is missing."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        super().__init__("A second step is required.")
        self.answer = dict(answer)


def register(step: Step, *, answer: str) -> None:
    """Declares a step. ``step(request, user)`` returns the answer to a log-in that needs more, or ``None``.

    ``answer`` is the dotted path of the serializer that describes what ``step`` returns.
    """
    if (step, answer) not in _steps:
        _steps.append((step, answer))


def demand(request: HttpRequest, user: Any) -> None:
    """Raises ``SecondStepRequired`` with the answer of the first step that wants more of ``user``."""
    for step, _answer in _steps:
        answer = step(request, user)
        if answer is not None:
            raise SecondStepRequired(answer)


def described_with(tokens: Any) -> Any:
    """``tokens``, a serializer, for the API's description; with the answers of the steps where there are any."""
    answers = [import_string(path) for _step, path in _steps]
    if not answers:
        return tokens
    either = PolymorphicProxySerializer("LoginAnswer", [tokens, *answers], resource_type_field_name=None)
    shown = [example for serializer in (tokens, *answers) for example in get_override(serializer, "examples", [])]
    set_override(either, "examples", shown)
    return either
