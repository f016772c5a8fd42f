from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from django_shopcore.core.current_request import CurrentRequestMiddleware

from .recording import Line, record_many, told_elsewhere


class AuditMiddleware(CurrentRequestMiddleware):
    """Lets the log see who acts in the Django admin, and logs the actions that are run on its lists.

    Place it behind the middleware that authenticates. Views of ours need it not.
    """

    def __init__(self, get_response: Any) -> None:
        super().__init__(lambda request: _with_actions(request, get_response(request)))


def _with_actions(request: HttpRequest, response: Any) -> Any:
    if request.method == "POST" and response.status_code < 400:
        model_admin = getattr(getattr(request.resolver_match, "func", None), "model_admin", None)
        if model_admin is not None and model_admin.opts.label_lower not in told_elsewhere:
            _log_action(request, model_admin.opts.label_lower)
    return response


def _log_action(request: HttpRequest, kind: str) -> None:
    """What was chosen of the list: an action that asks first comes a second time with its answer."""
    name, keys = request.POST.get("action"), request.POST.getlist("_selected_action")
    if name == "delete_selected" and "post" not in request.POST:
        return
    if name and keys:
        everything = request.POST.get("select_across") == "1"
        data = {"action": name, "all": everything, "count": len(keys)}
        record_many("admin.action", [Line(type=kind, key=key, data=data) for key in keys], actor=request.user)
