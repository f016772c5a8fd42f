"""Whose address counts: the network's word, and that of so many proxies as are ours."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory, override_settings

from django_shopcore.core.client import client_address, client_network

pytestmark = pytest.mark.projects("full")

PROXY = "10.0.0.1"
CLIENT = "203.0.113.7"


def request(remote: str = PROXY, forwarded: str | None = None) -> Any:
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return RequestFactory().get("/", REMOTE_ADDR=remote, **headers)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, None, PROXY),
        (0, CLIENT, PROXY),
        (0, "junk", PROXY),
        (1, None, PROXY),
        (1, "", PROXY),
        (1, CLIENT, CLIENT),
        (1, f" {CLIENT} ", CLIENT),
        (1, f"1.1.1.1, {CLIENT}", CLIENT),
        (1, f"1.1.1.1,2.2.2.2,{CLIENT}", CLIENT),
        (1, f"junk, {CLIENT}", CLIENT),
        (1, "junk", PROXY),
        (1, f"{CLIENT}, junk", PROXY),
        (1, f"{CLIENT},", PROXY),
        (1, "<script>", PROXY),
        (1, f"{CLIENT}:51234", CLIENT),
        (1, "2001:db8::7", "2001:db8::7"),
        (1, "[2001:db8::7]:51234", "2001:db8::7"),
        (1, "[2001:db8::7]", "2001:db8::7"),
        (1, "2001:DB8:0:0::7", "2001:db8::7"),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, f"::ffff:{CLIENT}", CLIENT),
        (1, "999.1.1.1", PROXY),
        (1, "1.2.3", PROXY),
        (1, "unknown", PROXY),
        (1, "x" * 10_000, PROXY),
        (2, f"{CLIENT}, 10.0.0.2", CLIENT),
        (2, f"1.1.1.1, {CLIENT}, 10.0.0.2", CLIENT),
        (2, "10.0.0.2", PROXY),
        (2, None, PROXY),
        (2, f"{CLIENT}, 1.1.1.1, 10.0.0.2", "1.1.1.1"),
        (2, f"{CLIENT}, junk, 10.0.0.2", PROXY),
        (2, "junk", PROXY),
        (2, f"{CLIENT}, junk", CLIENT),
        (3, f"{CLIENT}, 10.0.0.2", PROXY),
        # What servers make of several lines of the header: one of them ours, in whatever order.
        (1, f",{CLIENT}", CLIENT),
        (1, f"1.1.1.1,{CLIENT}", CLIENT),
        (1, f"1.1.1.1, 2.2.2.2,, {CLIENT}", CLIENT),
        (2, f"1.1.1.1,{CLIENT},10.0.0.2", CLIENT),
        (1, f"[::ffff:{CLIENT}]:51234", CLIENT),
        (1, f"::ffff:{CLIENT}%eth0", CLIENT),
        (1, "[2001:db8::7", "2001:db8::7"),
        (1, "2001:db8::7]:80", PROXY),
        (1, "2001:db8::7:", PROXY),
        (1, f"{CLIENT}:", CLIENT),
        (1, f"{CLIENT}:1:2", PROXY),
        (1, f"for={CLIENT}", PROXY),
        (1, "\u0661.1.1.1", PROXY),
        (1, "0x7f.1", PROXY),
        (1, "01.02.03.04", PROXY),
        (1, "2130706433", PROXY),
    ],
)
def test_forwarded_addresses_count_for_so_many_proxies_from_the_right(
    proxies: int, forwarded: str | None, address: str
) -> None:
    with override_settings(SHOPCORE_TRUSTED_PROXIES=proxies):
        assert client_address(request(forwarded=forwarded)) == address


@pytest.mark.parametrize("remote", ["", "unix:", "junk"])
def test_an_unknown_address_is_empty(remote: str) -> None:
    assert client_address(request(remote=remote)) == ""
    assert client_network(request(remote=remote)) == ""


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:cb00:7107", "203.0.113.7"),
        ("2001:0DB8:0001:0002::", "2001:db8:1:2::/64"),
    ],
)
def test_requests_are_counted_by_address_or_by_the_network_of_one_subscriber(address: str, network: str) -> None:
    assert client_network(request(remote=address)) == network
