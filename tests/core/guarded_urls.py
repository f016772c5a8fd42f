"""A URLconf in which every view declares its policies."""

from django.urls import path

from tests.core.views import OpenView, foreign

urlpatterns = [path("open/", OpenView.as_view()), path("foreign/", foreign)]
