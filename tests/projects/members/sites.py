from django.contrib.admin import AdminSite
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest

from django_shopcore.core.access import is_admin


class MembersAdminSite(AdminSite):
    """An admin site for users without ``is_staff``."""

    login_form = AuthenticationForm

    def has_permission(self, request: HttpRequest) -> bool:
        return is_admin(request.user)
