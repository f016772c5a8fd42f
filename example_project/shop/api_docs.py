"""What the schema says of the API as a whole."""

from __future__ import annotations

from typing import Any

from django_shopcore import __version__

DESCRIPTION = """\
A catalogue, accounts and notifications over REST.

## Signing in

`POST /api/v1/auth/login/` answers with an `access` and a `refresh` token. Send the first one along as
`Authorization: Bearer …`; it is good for 15 minutes. `POST /api/v1/auth/refresh/` changes the second one, once, for a
new pair. Reading the catalogue needs no token. What only admins may do says so.

Where the account has a second factor, the answer is `{"mfa_required": true, "challenge": …}` instead, and
`POST /api/v1/auth/mfa/login/` with the challenge and a code gives the tokens.

## Errors

Every error is an `application/problem+json` (RFC 9457) with `status`, `title`, `detail` and a stable `code`. Where
the input is invalid, `errors` lists what is wrong: `{"field": "price", "code": "required", "detail": "…"}`.

## Lists

`?page=2&size=50` numbers the pages; `size` is 20 unless given, and 100 at most. `?cursor=` (empty to start with)
follows `next` instead: the same effort at any depth, and no row twice or never while others are added.
`?fields=id,name` returns just those fields.

## Rate limits

An action that is limited says what is left in `RateLimit` and `RateLimit-Policy`. Above the limit the answer is 429,
and `Retry-After` says for how many seconds.

## Changing what others change too

Every object has an `ETag`. Send it as `If-Match` with `PUT`, `PATCH` or `DELETE`: the answer is 412 when somebody
else was there first. Send it as `If-None-Match` with `GET`: the answer is 304 while nothing has changed.
"""

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Shop API",
    "DESCRIPTION": DESCRIPTION,
    "VERSION": __version__,
    "LICENSE": {"name": "MIT", "identifier": "MIT"},
    "OAS_VERSION": "3.1.0",
    # Relative, so that the page's own "Execute" stays on the page's origin, by whatever name it was opened.
    "SERVERS": [{"url": "/", "description": "This site"}],
    "SCHEMA_PATH_PREFIX": r"/api/v1/",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": True,
}
