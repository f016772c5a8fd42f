"""Keeps passwords and tokens out of Django's reports of errors."""

from __future__ import annotations

from typing import Any

from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables


class SensitiveMixin:
    """For a view, before its base: no report shows the variables of its calls, nor a form that was sent by mistake.

    The body is JSON, which Django does not know as parameters; it is in the variables of whatever reads it.
    """

    @method_decorator(sensitive_post_parameters())
    @sensitive_variables()  # of this call and of all that it calls
    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
