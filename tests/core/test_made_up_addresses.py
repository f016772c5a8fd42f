"""Who makes up addresses gains nothing: with no proxy, one or two, over HTTP."""

from __future__ import annotations

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

pytestmark = [pytest.mark.django_db, pytest.mark.projects("full")]


ROTATING = [
    "198.51.100.{n}",
    "198.51.100.{n}, 192.0.2.1",
    "192.0.2.{n},192.0.2.1,junk",
    "::ffff:198.51.100.{n}",
    "[2001:db8:{n}::1]:443",
    "unknown, _hidden{n}",
]


@pytest.mark.parametrize("claim", ROTATING)
@pytest.mark.parametrize("proxies", [0, 1, 2])
@override_settings(SHOPCORE_ACCOUNTS_REGISTER_RATE="3/m")
def test_a_client_that_makes_up_addresses_is_one_client(proxies: int, claim: str, anonymous: APIClient) -> None:
    """``proxies`` of ours append, each, who called it: what stands to the left of that is made up."""
    appended = ["203.0.113.9", "10.0.0.2"][:proxies]

    def status(number: int) -> int:
        forwarded = ", ".join([claim.format(n=number), *appended])
        response = anonymous.post("/api/v1/auth/register/", {}, REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)
        return int(response.status_code)

    with override_settings(SHOPCORE_TRUSTED_PROXIES=proxies):
        assert [status(number) for number in range(6)] == [400] * 3 + [429] * 3


@override_settings(SHOPCORE_ACCOUNTS_REGISTER_RATE="3/m", SHOPCORE_TRUSTED_PROXIES=1)
def test_control_with_a_proxy_too_many_the_claim_is_believed(anonymous: APIClient) -> None:
    statuses = [
        anonymous.post("/api/v1/auth/register/", {}, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}").status_code
        for number in range(6)
    ]
    assert statuses == [400] * 6


@override_settings(SHOPCORE_ACCOUNTS_REGISTER_RATE="3/m")
def test_the_addresses_of_one_subscriber_are_one_client(anonymous: APIClient) -> None:
    def statuses(network: str) -> list[int]:
        addresses = [f"2001:db8:0:{network}:{number:x}::1" for number in range(5)]
        answers = [anonymous.post("/api/v1/auth/register/", {}, REMOTE_ADDR=address) for address in addresses]
        return [answer.status_code for answer in answers]

    assert statuses("1") == statuses("2") == [400] * 3 + [429] * 2
