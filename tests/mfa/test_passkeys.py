"""Passkeys: registered and used with a device made of software, whose answers a test may bend."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from rest_framework.test import APIClient

from django_shopcore.mfa import challenges
from django_shopcore.mfa.models import Challenge, Passkey, RecoveryCode
from django_shopcore.mfa.querysets import ChallengeQuerySet
from tests.accounts.clients import bearer, signed_in, tokens_of, works
from tests.mfa.authenticator import Authenticator
from tests.mfa.clock import Clock
from tests.mfa.people import LOGIN, MFA, Member, second_step
from tests.parallel import at_once
from tests.problems import errors_of, problem_of
from tests.users import PASSWORD, make_user

pytestmark = pytest.mark.django_db

PASSKEYS = f"{MFA}passkeys/"


def creation_options(client: Any, **proof: Any) -> Any:
    answer = client.post(f"{PASSKEYS}options/", {"password": PASSWORD, **proof})
    assert answer.status_code == 200, answer.json()
    return answer.json()


def register(client: Any, device: Authenticator, **proof: Any) -> Any:
    options = creation_options(client, **proof)
    return client.post(PASSKEYS, {"name": "phone", "passkey": device.create(options)})


def challenge_of(user: Any) -> str:
    raw: str = APIClient().post(LOGIN, {"email": user.email, "password": PASSWORD}).json()["challenge"]
    return raw


def login_options(challenge: str) -> Any:
    answer = APIClient().post(f"{MFA}login/options/", {"challenge": challenge})
    assert answer.status_code == 200, answer.json()
    return answer.json()


@pytest.fixture
def device() -> Authenticator:
    return Authenticator()


@pytest.fixture
def owner(client: Any, device: Authenticator) -> Any:
    """Somebody who has registered ``device``."""
    answer = register(client, device)
    assert answer.status_code == 201, answer.json()
    return client.user


def test_registering_the_first_one_turns_the_second_factor_on(client: Any, device: Authenticator) -> None:
    other = tokens_of(client.user)
    answer = register(client, device)
    body = answer.json()
    assert answer.status_code == 201
    assert len(body.pop("recovery_codes")) == 10
    assert not works(other.access)
    shown = client.get(MFA).json()
    assert shown["enabled"] is True
    assert shown["passkeys"] == [body]
    assert {**body, "id": "", "created_at": ""} == {"id": "", "name": "phone", "created_at": "", "last_used_at": None}


def test_the_options_come_from_settings_and_not_from_the_host(client: Any, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    answer = client.post(f"{PASSKEYS}options/", {"password": PASSWORD}, HTTP_HOST="evil.example")
    options = answer.json()
    assert options["rp"] == {"name": "shop.example", "id": "shop.example"}
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    assert client.user.email not in options["user"]["id"]
    assert len(options["challenge"]) == 43


def test_a_passkey_opens_a_session(owner: Any, device: Authenticator) -> None:
    challenge = challenge_of(owner)
    options = login_options(challenge)
    assert options["rpId"] == "shop.example"
    assert options["userVerification"] == "required"
    assert [key["id"] for key in options["allowCredentials"]] == [Passkey.objects.get().credential_id]
    answer = second_step(challenge, passkey=device.get(options))
    assert answer.status_code == 200, answer.json()
    assert works(answer.json()["access"])
    row = Passkey.objects.get()
    assert row.sign_count == 1
    assert row.last_used_at is not None


def test_the_log_in_names_it_among_the_methods(owner: Any) -> None:
    body = APIClient().post(LOGIN, {"email": owner.email, "password": PASSWORD}).json()
    assert body["methods"] == ["recovery_code", "passkey"]


def test_one_that_does_not_count_works_too(client: Any) -> None:
    device = Authenticator(counts=False)
    register(client, device)
    for _ in range(2):
        challenge = challenge_of(client.user)
        assert second_step(challenge, passkey=device.get(login_options(challenge))).status_code == 200


def refused(owner: Any, device: Authenticator) -> bool:
    challenge = challenge_of(owner)
    answer = second_step(challenge, passkey=device.get(login_options(challenge)))
    return answer.status_code == 401 and problem_of(answer)[1] == "invalid_second_factor"


@pytest.mark.parametrize(
    "bend",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://shop.example"},
        {"origin": "https://shop.example.evil.example"},
        {"rp_id": "evil.example"},
        {"verified": False},
        {"count": -1, "counts": False},
    ],
)
def test_an_answer_that_is_not_right_is_refused(owner: Any, device: Authenticator, bend: dict[str, Any]) -> None:
    challenge = challenge_of(owner)
    assert second_step(challenge, passkey=device.get(login_options(challenge))).status_code == 200
    for name, value in bend.items():
        setattr(device, name, device.count + value if name == "count" else value)
    assert refused(owner, device)


def test_nor_is_the_key_of_somebody_else(owner: Any, clock: Clock) -> None:
    other = signed_in(make_user())
    theirs = Authenticator()
    assert register(other, theirs).status_code == 201
    assert refused(owner, theirs)


def test_nor_another_key_with_the_same_name(owner: Any, device: Authenticator) -> None:
    assert refused(owner, Authenticator(credential_id=device.credential_id))


def test_a_counter_that_does_not_go_up_is_a_copy(owner: Any, device: Authenticator) -> None:
    device.count = 10
    challenge = challenge_of(owner)
    assert second_step(challenge, passkey=device.get(login_options(challenge))).status_code == 200
    device.count = 5
    assert refused(owner, device)
    assert Passkey.objects.get().sign_count == 11


def test_an_answer_signs_one_challenge_once(owner: Any, device: Authenticator) -> None:
    first = challenge_of(owner)
    answer = device.get(login_options(first))
    second = challenge_of(owner)
    login_options(second)
    assert problem_of(second_step(second, passkey=answer)) == (401, "invalid_second_factor")
    assert second_step(first, passkey=answer).status_code == 200
    assert problem_of(second_step(first, passkey=answer)) == (401, "challenge_invalid")


def test_after_a_wrong_answer_there_must_be_new_options(owner: Any, device: Authenticator) -> None:
    challenge = challenge_of(owner)
    options = login_options(challenge)
    wrong = Authenticator(credential_id=device.credential_id).get(options)
    assert second_step(challenge, passkey=wrong).status_code == 401
    assert problem_of(second_step(challenge, passkey=device.get(options))) == (401, "invalid_second_factor")
    assert second_step(challenge, passkey=device.get(login_options(challenge))).status_code == 200


def test_new_options_make_the_old_ones_void(owner: Any, device: Authenticator) -> None:
    challenge = challenge_of(owner)
    old = login_options(challenge)
    login_options(challenge)
    assert second_step(challenge, passkey=device.get(old)).status_code == 401


def test_without_options_no_answer_is_right(owner: Any, device: Authenticator) -> None:
    challenge = challenge_of(owner)
    for value in ("", "AAAA"):
        assert second_step(challenge, passkey=device.get({"challenge": value})).status_code == 401


def test_options_are_for_an_open_challenge_of_somebody_with_a_passkey(member: Member) -> None:
    answer = APIClient().post(f"{MFA}login/options/", {"challenge": "nonsense"})
    assert problem_of(answer) == (401, "challenge_invalid")
    answer = APIClient().post(f"{MFA}login/options/", {"challenge": member.challenge()})
    assert problem_of(answer) == (409, "no_second_factor")


@pytest.mark.parametrize("bend", [{"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"verified": False}])
def test_registering_checks_the_same(client: Any, bend: dict[str, Any]) -> None:
    answer = register(client, Authenticator(**bend))
    assert errors_of(answer) == [("passkey", "invalid_passkey")]
    assert not Passkey.objects.exists()
    assert not RecoveryCode.objects.exists()


def test_registering_takes_one_answer_to_options_that_are_not_too_old(client: Any, device: Authenticator) -> None:
    assert errors_of(client.post(PASSKEYS, {"passkey": device.create({"challenge": "AAAA"})})) == [
        ("passkey", "invalid_passkey")
    ]
    answer = device.create(creation_options(client))
    Challenge.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert errors_of(client.post(PASSKEYS, {"passkey": answer})) == [("passkey", "invalid_passkey")]
    answer = device.create(creation_options(client))
    assert client.post(PASSKEYS, {"passkey": answer}).status_code == 201
    assert errors_of(client.post(PASSKEYS, {"passkey": answer})) == [("passkey", "invalid_passkey")]
    assert Passkey.objects.count() == 1


def test_the_options_of_one_are_not_for_another(client: Any, device: Authenticator) -> None:
    other = signed_in(make_user())
    options = creation_options(client)
    creation_options(other)
    answer = other.post(PASSKEYS, {"passkey": device.create(options)})
    assert errors_of(answer) == [("passkey", "invalid_passkey")]


def test_a_credential_belongs_to_one_account(owner: Any, device: Authenticator) -> None:
    other = signed_in(make_user())
    assert errors_of(register(other, device)) == [("passkey", "invalid_passkey")]
    assert Passkey.objects.get().user == owner
    assert not RecoveryCode.objects.exclude(user=owner).exists()


def test_the_options_to_add_do_not_sign_in(owner: Any, client: Any, device: Authenticator, clock: Clock) -> None:
    challenge = challenge_of(owner)
    options = client.post(f"{MFA}options/").json()
    assert second_step(challenge, passkey=device.get(options)).status_code == 401


def test_a_passkey_proves_the_owner_of_a_change_once(owner: Any, client: Any, device: Authenticator) -> None:
    proof = {"password": PASSWORD, "passkey": device.get(client.post(f"{MFA}options/").json())}
    assert client.post(f"{MFA}recovery-codes/", proof).status_code == 200
    assert errors_of(client.post(f"{MFA}recovery-codes/", proof)) == [("passkey", "invalid_second_factor")]


def test_removing_one_needs_a_proof_and_leaves_the_others(owner: Any, client: Any, device: Authenticator) -> None:
    second = Authenticator()
    passkey = device.get(client.post(f"{MFA}options/").json())
    assert register(client, second, passkey=passkey).json()["recovery_codes"] is None
    url = f"{PASSKEYS}{Passkey.objects.order_by('created_at')[0].pk}/delete/"
    assert errors_of(client.post(url, {"password": PASSWORD})) == [("", "second_factor_required")]
    passkey = second.get(client.post(f"{MFA}options/").json())
    assert client.post(url, {"password": PASSWORD, "passkey": passkey}).status_code == 204
    assert Passkey.objects.get().name == "phone"
    assert client.get(MFA).json()["enabled"] is True
    assert refused(owner, device)


@pytest.mark.parametrize("pk", ["nonsense", "7c1d8a52-9f0b-4a77-8a57-3a5c6c9be1d0", "١"])
def test_what_is_not_there_is_404(client: Any, pk: str) -> None:
    assert problem_of(client.post(f"{PASSKEYS}{pk}/delete/", {"password": PASSWORD}))[0] == 404


def test_there_is_a_limit_to_how_many(owner: Any, client: Any, device: Authenticator, settings: Any) -> None:
    rows = [Passkey(user=owner, name="x", credential_id=f"x{n}", public_key=b"") for n in range(19)]
    Passkey.objects.bulk_create(rows)
    proof = {"password": PASSWORD, "passkey": device.get(client.post(f"{MFA}options/").json())}
    assert problem_of(client.post(f"{PASSKEYS}options/", proof)) == (409, "too_many_passkeys")


def broken(answer: dict[str, Any]) -> list[Any]:
    """Answers that are not what they should be, each in one place."""
    found: list[Any] = [{}, {"id": answer["id"]}, {**answer, "response": {}}, {**answer, "response": "x"}]
    poison = ["", "A", "\u0000".replace("\u0000", "x"), "é", "=" * 50, "A" * 5000, 5, None, [], {}, True, 1e300]
    for value in poison:
        found += [{**answer, name: value} for name in ("id", "rawId", "type")]
        for name in answer["response"]:
            changed = deepcopy(answer)
            changed["response"][name] = value
            found.append(changed)
    for name, text in answer["response"].items():
        for cut in (1, 10, len(text) // 2, len(text) - 1):
            changed = deepcopy(answer)
            changed["response"][name] = text[:cut]
            found.append(changed)
    return found


def test_broken_answers_to_a_log_in_are_wrong_ones(owner: Any, device: Authenticator, settings: Any) -> None:
    settings.SHOPCORE_RATE_LIMITS = False
    settings.SHOPCORE_MFA_CHALLENGE_ATTEMPTS = 10_000
    challenge = challenge_of(owner)
    for answer in broken(device.get(login_options(challenge))):
        options = login_options(challenge)
        response = second_step(challenge, passkey=answer)
        assert problem_of(response) == (401, "invalid_second_factor"), answer
        assert options


def test_broken_answers_to_a_registration_are_refused(client: Any, device: Authenticator, settings: Any) -> None:
    settings.SHOPCORE_RATE_LIMITS = False
    for answer in broken(device.create(creation_options(client))):
        right = device.create(creation_options(client))
        if answer == right:
            continue
        assert errors_of(client.post(PASSKEYS, {"passkey": answer})) == [("passkey", "invalid_passkey")], answer
    assert not Passkey.objects.exists()


def test_without_an_address_of_the_site_passkeys_are_refused_and_a_check_says_so(client: Any, settings: Any) -> None:
    settings.SHOPCORE_SITE_URL = ""
    answer = client.post(f"{PASSKEYS}options/", {"password": PASSWORD})
    assert problem_of(answer) == (409, "passkeys_unavailable")
    assert "shopcore.W401" in {message.id for message in run_checks()}


def test_a_domain_and_origins_of_the_site_s_own(client: Any, settings: Any) -> None:
    settings.SHOPCORE_MFA_RP_ID = "example.org"
    settings.SHOPCORE_MFA_ORIGINS = ["https://www.example.org/", "https://shop.example.org"]
    for origin in ("https://www.example.org", "https://shop.example.org"):
        device = Authenticator(origin=origin, rp_id="example.org")
        user = make_user()
        assert register(signed_in(user), device).status_code == 201
        challenge = challenge_of(user)
        assert second_step(challenge, passkey=device.get(login_options(challenge))).status_code == 200
    assert errors_of(register(client, Authenticator())) == [("passkey", "invalid_passkey")]


@pytest.mark.django_db(transaction=True)
def test_of_many_uses_of_one_answer_one_succeeds(transactional_db: None, settings: Any) -> None:
    settings.SHOPCORE_RATE_LIMITS = False
    settings.SHOPCORE_MFA_CHALLENGE_ATTEMPTS = 50
    user, device = make_user(), Authenticator(counts=False)
    client = bearer(tokens_of(user).access)
    answer = device.create(creation_options(client))
    added = at_once([partial(client.post, PASSKEYS, {"passkey": answer})] * 20)
    assert sorted(response.status_code for response in added) == [201] + [400] * 19
    challenge = challenge_of(user)
    answer = device.get(login_options(challenge))
    answers = at_once([partial(second_step, challenge, passkey=answer)] * 50)
    assert sorted(response.status_code for response in answers) == [200] + [401] * 49


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time.")
def test_control_an_answer_whose_challenge_stays_works_often(
    transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SHOPCORE_RATE_LIMITS = False
    settings.SHOPCORE_MFA_CHALLENGE_ATTEMPTS = 50
    user, device = make_user(), Authenticator(counts=False)
    register(bearer(tokens_of(user).access), device)
    challenge = challenge_of(user)
    answer = device.get(login_options(challenge))
    monkeypatch.setattr(challenges, "take_passkey_challenge", lambda row: bytes(row.passkey_challenge))
    monkeypatch.setattr(ChallengeQuerySet, "open", lambda self: self)
    answers = at_once([partial(second_step, challenge, passkey=answer)] * 20)
    assert [response.status_code for response in answers].count(200) > 1


@override_settings(SHOPCORE_SITE_URL="http://localhost:8000/")
def test_the_origin_has_the_port_and_the_domain_has_not(client: Any) -> None:
    assert register(client, Authenticator(origin="http://localhost:8000", rp_id="localhost")).status_code == 201
