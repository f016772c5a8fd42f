"""What a site does before and after an upgrade: ``python -m tests.release.upgrading fill|ask|schema STATE``.

It speaks HTTP and uses commands, which the contract keeps, so the same code runs with any release on the path.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import django

PASSWORD = "correct horse battery staple"
READS = {
    "nobody": ["products/", "categories/", "categories/tree/", "products/?search=lamp"],
    "admin": ["products/", "users/", "notifications/", "notifications/preferences/", "auth/me/"],
    "customer": ["auth/me/", "notifications/"],
}


def request(method: str, path: str, token: str = "", **body: Any) -> Any:
    from django.test import Client

    headers = {"authorization": f"Bearer {token}"} if token else {}
    response = Client(headers=headers).generic(method, f"/api/v1/{path}", json.dumps(body), "application/json")
    if not 200 <= response.status_code < 300:
        raise SystemExit(f"{method} {path}: {response.status_code} {response.content.decode()}")
    return json.loads(response.content or "null")


def answers(tokens: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{who} {path}": request("GET", path, tokens[who]["access"] if who in tokens else "")
        for who, paths in READS.items()
        for path in paths
    }


def fill() -> dict[str, Any]:
    """A site in use, made by the release on the path."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("shopcore_create_admin", email="boss@example.com", password=PASSWORD, verbosity=0)
    request("POST", "auth/register/", email="ada@example.com", password=PASSWORD, first_name="Ada")
    tokens = {
        role: request("POST", "auth/login/", email=email, password=PASSWORD)
        for role, email in {"admin": "boss@example.com", "customer": "ada@example.com"}.items()
    }
    access = tokens["admin"]["access"]
    root = request("POST", "categories/", access, name="Home")
    child = request("POST", "categories/", access, name="Lámparas", parent=root["id"], metadata={"a": [1]})
    for number in range(25):
        request("POST", "products/", access, name=f"Lamp {number}", price=f"{number}.50", category=child["id"])
    more = {"sku": "L-1", "compare_at_price": "20.00", "is_published": False, "metadata": {"b": None}}
    request("POST", "products/", access, name="Ünseen", price="9.99", category=root["id"], **more)
    call_command("shopcore_deliver", once=True, verbosity=0)
    return {"tokens": tokens, "answers": answers(tokens)}


def ask(state: dict[str, Any]) -> dict[str, Any]:
    """The same site after the upgrade: migrated, asked again, and written to."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("check", fail_level="WARNING")
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
    found = {"answers": answers(state["tokens"]), "schema": schema()}
    renewed = request("POST", "auth/refresh/", refresh=state["tokens"]["admin"]["refresh"])["access"]
    [product, *_] = request("GET", "products/", renewed)["results"]
    path = f"products/{product['id']}/"
    found["renamed"] = request("PATCH", path, renewed, name="Renamed")["name"]
    again = request("POST", "products/", renewed, name="New", price="1.00", category=product["category"])
    request("DELETE", f"products/{again['id']}/", renewed)
    request("POST", "auth/login/", email="ada@example.com", password=PASSWORD)
    return found


def schema() -> dict[str, Any]:
    """Columns and constraints of all tables, whatever order they were made in."""
    from django.db import connection

    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            described = connection.introspection.get_table_description(cursor, table)
            columns = sorted(
                [one.name, str(one.type_code), str(one.internal_size), bool(one.null_ok)] for one in described
            )
            constraints = connection.introspection.get_constraints(cursor, table).values()
            kinds = ("columns", "unique", "primary_key", "foreign_key", "check", "index", "definition")
            found[table] = [columns, sorted(json.dumps([one.get(kind) for kind in kinds]) for one in constraints)]
    return found


def fresh_schema() -> dict[str, Any]:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    return schema()


def main(action: str, state: Path) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.release.upgrade_site"
    django.setup()
    if action == "fill":
        state.write_text(json.dumps(fill()))
    elif action == "ask":
        state.write_text(json.dumps(ask(json.loads(state.read_text()))))
    else:
        state.write_text(json.dumps(fresh_schema()))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
