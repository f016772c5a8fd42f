"""Variables to settings, and one line for whatever is wrong with them."""

from __future__ import annotations

import json
import os
import stat
import sys

import django
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.example.site import DEBUG, HTTPS, PRODUCTION, PYTHON, Site

WRONG = [
    ("DEBUG", "maybe", "expected on or off"),
    ("SECRET_KEY", "hunter2", "must have at least 50 characters"),
    ("SECRET_KEY", "a" * 60, "is too easy to guess"),
    ("SECRET_KEY", "django-insecure-0123456789-0123456789-0123456789-0123456789", "is too easy to guess"),
    ("JWT_SIGNING_KEY", "hunter2", "must have at least 32 bytes"),
    ("JWT_SIGNING_KEY", PRODUCTION["SECRET_KEY"], "must differ from SECRET_KEY"),
    ("JWT_SIGNING_KEY", "-----BEGIN PRIVATE KEY----- and more of it", "is a PEM key"),
    ("JWT_VERIFYING_KEYS", f"{'k' * 40},hunter2", "must have at least 32 bytes"),
    ("JWT_VERIFYING_KEYS", "-----BEGIN PUBLIC KEY----- and more of it", "expected RSA keys in PEM form"),
    ("JWT_VERIFYING_KEYS", "-----BEGIN PRIVATE KEY----- and more of it", "expected an RSA private key"),
    ("SECRET_KEY_FALLBACKS", "hunter2", "must have at least 50 characters"),
    ("JWT_ALGORITHM", "none", "expected HS256 or RS256"),
    ("SITE_URL", "shop.example.com", "expected an address"),
    ("SITE_URL", "https://shop.example.com/?a=b", "expected an address"),
    ("ALLOWED_HOSTS", "https://shop.example.com", "expected host names"),
    ("ALLOWED_HOSTS", "shop.example.com:8000", "expected host names"),
    ("CSRF_TRUSTED_ORIGINS", "shop.example.com", "expected an address"),
    ("CORS_ALLOWED_ORIGINS", "https://shop.example.com/path", "expected origins without a path"),
    ("CORS_ALLOWED_ORIGINS", "https://*.example.com", "a wildcard is not allowed"),
    ("DATABASE_URL", "mysql://user:hunter2@host/name", "expected sqlite:///path or postgres://"),
    ("DATABASE_URL", "postgres://user:hunter2@host:99999/name", "expected postgres://"),
    ("DATABASE_URL", "postgres://user:hunter2@host", "expected postgres://"),
    ("DATABASE_URL", "postgres://user:hunter2@host/name?sslmod=require", "options must be those of libpq"),
    ("DATABASE_URL", "sqlite:///no/such/folder/file", "folder does not exist"),
    ("DATABASE_URL", "sqlite://file", "expected sqlite:///relative/path"),
    ("DATABASE_URL", "postgres://user:hunter2@host/name?pool=many", "options must be those of libpq"),
    ("DATABASE_REPLICA_URL", "oracle://host/name", "expected sqlite:///path or postgres://"),
    ("DATABASE_REPLICA_URL", "postgres://user:hunter2@host/name", "must be the same kind of database"),
    ("REDIS_URL", "localhost:6379", "expected redis://"),
    ("REDIS_URL", "redis://localhost/first", "expected redis://"),
    ("EMAIL_URL", "mail.example.com", "expected smtp://"),
    ("EMAIL_URL", "smtp://mail.example.com:port", "expected smtp://"),
    ("EMAIL_URL", "mailgun://example.com", "expected smtp://"),
    ("EMAIL_URL", "mailgun+us://hunter2@example.com", "expected smtp://"),
    ("EMAIL_URL", "mailgun://hunter2@example.com", "needs django-anymail"),
    ("DEFAULT_FROM_EMAIL", "the shop", "expected a mail address"),
    ("ADMIN_EMAILS", "a@example.com,b", "expected a mail address"),
    ("TRUSTED_PROXIES", "-1", "expected a whole number"),
    ("RATE_LIMITS", "sometimes", "expected on or off"),
    ("SHOPCORE_ACCOUNTS_PASSWORD_MIN_LENGTH", "65", "expected a whole number from 1 to 64"),
    ("SHOPCORE_PAGE_SIZE", "many", "expected a whole number above 0"),
    ("SHOPCORE_PAGE_SIZE", "0", "expected a whole number above 0"),
    ("SHOPCORE_NOTIFICATIONS_WRITE_RATE", "often", "expected a rate such as"),
]


# One process for all of them: starting one takes longer than reading the settings.
START_WITH_EACH = """
import io, json, os, sys
from contextlib import redirect_stderr
inherited, stops = dict(os.environ), []
sys.modules["anymail"] = None  # as if it were not installed
for name, value in json.loads(sys.argv[1]):
    os.environ.clear()
    os.environ.update({**inherited, name: value})
    for module in [module for module in sys.modules if module.partition(".")[0] == "shop"]:
        del sys.modules[module]
    stop = [0, ""]
    with redirect_stderr(io.StringIO()) as stderr:
        try:
            import shop.settings
        except SystemExit as exc:
            stop = [exc.code, stderr.getvalue()]
    stops.append(stop)
print(json.dumps(stops))
"""


@pytest.fixture(scope="module")
def stops(site: Site) -> dict[tuple[str, str], tuple[int, str]]:
    """The exit code and what was printed, for each of the wrong values."""
    cases = [case[:2] for case in WRONG]
    done = site.run(*PYTHON, "-c", START_WITH_EACH, json.dumps(cases), variables=PRODUCTION)
    assert done.returncode == 0, done.stderr
    return dict(zip(cases, map(tuple, json.loads(done.stdout)), strict=True))


@pytest.mark.parametrize(("name", "value", "message"), WRONG)
def test_a_wrong_value_is_one_line_that_does_not_repeat_it(
    stops: dict[tuple[str, str], tuple[int, str]], name: str, value: str, message: str
) -> None:
    code, line = stops[name, value]

    assert code == 3
    assert line.startswith(f"{name}: ")
    assert message in line
    assert line.count("\n") == 1
    assert "hunter2" not in line


def test_without_debug_every_missing_variable_has_its_line(site: Site) -> None:
    done = site.manage("check", variables={})

    assert done.returncode == 3
    assert sorted(done.stderr.splitlines()) == [
        "EMAIL_URL: required when DEBUG is off",
        "JWT_SIGNING_KEY: required when DEBUG is off",
        "SECRET_KEY: required when DEBUG is off",
        "SITE_URL: required when DEBUG is off",
    ]


@pytest.mark.skipif(os.name == "nt", reason="gunicorn does not run on Windows")
def test_gunicorn_stops_with_the_same_line_once(site: Site) -> None:
    gunicorn = (sys.executable, "-m", "gunicorn", "--chdir", str(site.folder), "--no-control-socket")
    options = ("--workers", "3", "--bind", "127.0.0.1:0", "shop.wsgi")

    done = site.run(*gunicorn, *options, variables={**PRODUCTION, "DATABASE_URL": "nowhere"})

    line = "DATABASE_URL: expected sqlite:///path or postgres://user:password@host:port/name"
    assert done.returncode == 3
    assert done.stderr.splitlines().count(line) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("variables", [PRODUCTION, HTTPS], ids=["http", "https"])
def test_the_deployment_check_is_clean(site: Site, variables: dict[str, str]) -> None:
    done = site.manage("check", "--deploy", "--fail-level", "WARNING", variables=variables)

    assert (done.returncode, done.stderr) == (0, "")


def test_no_migration_is_missing(site: Site) -> None:
    done = site.manage("makemigrations", "--check", "--dry-run", variables=DEBUG)

    assert done.returncode == 0, done.stdout + done.stderr


def test_debug_keeps_a_random_secret_key(fresh_site: Site) -> None:
    first, second = (fresh_site.evaluate("settings.SECRET_KEY", DEBUG) for _ in range(2))
    file = fresh_site.folder / "data" / "secret_key"

    assert first == second == file.read_text()
    assert len(first) >= 50
    if os.name != "nt":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_dotenv_fills_what_the_process_does_not_set(fresh_site: Site) -> None:
    (fresh_site.folder / ".env").write_text(
        "# comment\n"
        "DEBUG=on  # not in production\n"
        "export ALLOWED_HOSTS = 'one.example.com'\n"
        'DEFAULT_FROM_EMAIL="Shop #1 <shop@example.com>"\n'
        "SECRET_KEY=\n"
        "SHOPCORE_PAGE_SIZE=7\n"
        "TRUSTED_PROXIES=2\n"
    )
    names = "DEBUG", "ALLOWED_HOSTS", "DEFAULT_FROM_EMAIL", "SHOPCORE_PAGE_SIZE", "SHOPCORE_TRUSTED_PROXIES"

    values = fresh_site.evaluate(f"[getattr(settings, name) for name in {names}]", {"TRUSTED_PROXIES": "1"})

    assert values == [True, ["one.example.com"], "Shop #1 <shop@example.com>", 7, 1]


def test_a_line_of_dotenv_that_is_no_assignment_is_named(fresh_site: Site) -> None:
    (fresh_site.folder / ".env").write_text("DEBUG=on\n\nSECRET_KEY hunter2\nSITE_URL='http://localhost\n")

    done = fresh_site.python("import shop.settings", {})

    assert done.returncode == 3
    assert done.stderr == ".env: line 3 is not KEY=VALUE\n.env: line 4 is not KEY=VALUE\n"


def test_settings_of_the_library_are_read_by_their_kinds(site: Site) -> None:
    variables = {
        "SHOPCORE_PAGE_SIZE": "50",
        "SHOPCORE_RATE_LIMITS": "off",
        "SHOPCORE_CATALOG_CURRENCY": "EUR",
        "SHOPCORE_CATALOG_READ_RATE": "none",
        "SHOPCORE_AUTHENTICATION_CLASSES": "one.Class, another.Class",
        "SHOPCORE_ACCOUNTS_EMAIL_VERIFICATION": "mandatory",
        "SHOPCORE_NOTIFICATIONS_CHANNELS": "shop.sms.SmsChannel",
        "SHOPCORE_NOTIFICATIONS_DISABLED": "welcome, new_sign_in:email,",
        "SHOPCORE_NOTIFICATIONS_DIGEST_HOUR": "0",
        "SHOPCORE_NOTIFICATIONS_SITE_NAME": "Łódź & Co.",
    }

    values = site.evaluate(f"[getattr(settings, name) for name in {list(variables)}]", {**DEBUG, **variables})

    assert values[:5] == [50, False, "EUR", None, ["one.Class", "another.Class"]]
    disabled = ["welcome", "new_sign_in:email"]
    assert values[5:] == ["mandatory", ["shop.sms.SmsChannel"], disabled, 0, "Łódź & Co."]


def test_alerts_go_to_bare_addresses_and_the_librarys_own_name_wins(site: Site) -> None:
    expression = "settings.SHOPCORE_NOTIFICATIONS_ADMIN_EMAILS"
    short = {**DEBUG, "ADMIN_EMAILS": "The Boss <boss@example.com>, two@example.com"}

    assert site.evaluate(expression, DEBUG) == []
    assert site.evaluate(expression, short) == ["boss@example.com", "two@example.com"]
    assert site.evaluate(expression, {**short, f"{expression[9:]}": "three@example.com"}) == ["three@example.com"]


def test_rate_limits_that_are_off_are_logged_at_the_start(site: Site) -> None:
    done = site.python("import django; django.setup()", {**PRODUCTION, "RATE_LIMITS": "off"})

    line = json.loads(done.stderr)
    assert line["level"] == "WARNING"
    assert "Rate limits are off" in line["message"]


def test_a_variable_that_is_no_setting_is_logged_at_the_start(site: Site) -> None:
    done = site.python("import django; django.setup()", {**PRODUCTION, "SHOPCORE_PAGE_SIZES": "10"})

    assert done.returncode == 0
    assert "Unknown setting SHOPCORE_PAGE_SIZES. Did you mean SHOPCORE_PAGE_SIZE?" in done.stderr


DATABASES = [
    ("postgres://user:p%40ss%2F@db.example.com:5433/shop", ["shop", "user", "p@ss/", "db.example.com", "5433", None]),
    ("postgresql://user:p@s#s@[::1]/shop?sslmode=require", ["shop", "user", "p@s#s", "::1", "", "require"]),
    ("postgres:///shop?host=/var/run/postgresql", ["shop", "", "", "/var/run/postgresql", "", None]),
    ("postgres://user@%2Fvar%2FRun/shop", ["shop", "user", "", "/var/Run", "", None]),
]


@pytest.mark.parametrize(("url", "expected"), DATABASES)
def test_postgresql_urls(site: Site, url: str, expected: list[str]) -> None:
    database = site.evaluate("settings.DATABASES['default']", {**PRODUCTION, "DATABASE_URL": url})

    found = [database[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")]
    assert [*found, database["OPTIONS"].get("sslmode")] == expected
    assert database["CONN_HEALTH_CHECKS"] is True


def test_sqlite_paths_start_beside_manage_py(site: Site) -> None:
    variables = {**PRODUCTION, "DATABASE_URL": "sqlite:///my%20shop.sqlite3"}

    database = site.evaluate("settings.DATABASES['default']", variables)

    assert database["NAME"] == str(site.folder / "my shop.sqlite3")
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_a_replica_has_an_alias(site: Site) -> None:
    variables = {
        **PRODUCTION,
        "DATABASE_URL": "postgres://primary/shop",
        "DATABASE_REPLICA_URL": "postgres://replica/shop",
    }

    assert site.evaluate("settings.DATABASES['replica']['HOST']", variables) == "replica"


def test_mail_goes_by_smtp_with_tls(site: Site) -> None:
    variables = {**PRODUCTION, "EMAIL_URL": "smtp+tls://user%40example.com:p%2Fw@mail.example.com"}
    expected = ["mail.example.com", 587, "user@example.com", "p/w", True]
    expression = "[settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD"
    expression += ", settings.EMAIL_USE_TLS]"
    if django.VERSION >= (6, 1):
        options = "settings.MAILERS['default']['OPTIONS']"
        expression = f"[{options}[name] for name in ('host', 'port', 'username', 'password', 'use_tls')]"

    assert site.evaluate(expression, variables) == expected


def test_an_rsa_key_on_one_line_signs_tokens(site: Site) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    variables = {**PRODUCTION, "JWT_ALGORITHM": "RS256", "JWT_SIGNING_KEY": pem.replace("\n", "\\n")}

    found = site.evaluate("settings.SIMPLE_JWT", variables)

    assert found["ALGORITHM"] == "RS256"
    assert found["SIGNING_KEY"].strip() == pem.strip()
    assert found["VERIFYING_KEY"].startswith("-----BEGIN PUBLIC KEY-----")


def test_keys_of_before_are_a_list_of_secrets_and_pems(site: Site) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    secret, old = "an old key for tests 0123456789 0123456789", f"old-{PRODUCTION['SECRET_KEY']}"
    keys = ",".join([secret, public.replace("\n", "\\n"), private])
    variables = {**PRODUCTION, "JWT_VERIFYING_KEYS": keys, "SECRET_KEY_FALLBACKS": f"{old}, {old}2"}

    expression = "[settings.SHOPCORE_ACCOUNTS_VERIFYING_KEYS, settings.SECRET_KEY_FALLBACKS]"
    [found, fallbacks] = site.evaluate(expression, variables)

    assert [[algorithm, text.strip()] for algorithm, text in found] == [
        ["HS256", secret],
        ["RS256", public.strip()],
        ["RS256", public.strip()],
    ]
    assert fallbacks == [old, f"{old}2"]
    assert site.evaluate(expression, PRODUCTION) == [[], []]


@pytest.mark.parametrize(("variables", "least"), [({}, 10), ({"SHOPCORE_ACCOUNTS_PASSWORD_MIN_LENGTH": "15"}, 15)])
def test_djangos_forms_ask_for_passwords_as_long_as_the_api_does(
    site: Site, variables: dict[str, str], least: int
) -> None:
    found = site.evaluate("settings.AUTH_PASSWORD_VALIDATORS", {**PRODUCTION, **variables})
    [options] = [one["OPTIONS"] for one in found if one["NAME"].endswith("MinimumLengthValidator")]
    assert options == {"min_length": least}


def test_https_is_enforced_when_the_site_has_it(site: Site) -> None:
    expression = "[settings.SECURE_SSL_REDIRECT, settings.SESSION_COOKIE_SECURE, settings.SECURE_HSTS_SECONDS > 0"
    expression += ", settings.SECURE_PROXY_SSL_HEADER is not None]"

    assert site.evaluate(expression, HTTPS) == [True, True, True, True]
    assert site.evaluate(expression, {**HTTPS, "TRUSTED_PROXIES": "0"}) == [True, True, True, False]
    assert site.evaluate(expression, PRODUCTION) == [False, False, False, False]


def test_no_script_reads_the_cookie_against_forged_requests(site: Site) -> None:
    assert site.evaluate("settings.CSRF_COOKIE_HTTPONLY", PRODUCTION) is True
