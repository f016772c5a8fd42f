"""The address that links, tags and kept answers go by is Django's ``build_absolute_uri``."""

from __future__ import annotations

import itertools

import pytest
from django.core.exceptions import DisallowedHost
from django.test import RequestFactory, override_settings
from rest_framework.request import Request

from django_shopcore.core.addresses import absolute_url

PATHS = ["/", "/api/products/", "//other.example/x", "/a/./b", "/a/../b", "/.well-known/x", "/é%2F;=@/", '/%25 \\"<>']
QUERIES = ["", "a=1&b=2", "q=%C3%A9", "q=é", 'x="<>&y=[]{}|', "a=%ZZ", "?", "url=http://x/../y"]
HOSTS = ["shop.example", "Shop.Example:8443", "[2001:db8::1]:80"]


@override_settings(ALLOWED_HOSTS=["*"])
def test_an_address_is_what_django_says() -> None:
    for path, query, host, secure in itertools.product(PATHS, QUERIES, HOSTS, (False, True)):
        asked = RequestFactory().get("/", secure=secure, headers={"host": host})
        asked.path = path
        asked.META["QUERY_STRING"] = query
        expected = asked.build_absolute_uri()
        assert absolute_url(asked) == expected
        assert absolute_url(Request(asked)) == expected


@override_settings(ALLOWED_HOSTS=["shop.example"])
def test_an_address_has_no_host_that_the_site_does_not_have() -> None:
    with pytest.raises(DisallowedHost):
        absolute_url(RequestFactory().get("/", headers={"host": "other.example"}))
