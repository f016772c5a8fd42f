"""Which request needs which of the products' indexes: the plans of 100,000 products, for docs/reference/performance.

``python -m tests.benchmarks.indexes`` starts a PostgreSQL, fills it as the benchmark does, sends a request for each index
and writes the part of its plan that uses it to docs/_measured/indexes.inc.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import servers
from tests.benchmarks.catalogue.data import RARE, Catalogue
from tests.benchmarks.catalogue.loading import database
from tests.benchmarks.catalogue.peers import ROOT, example_environment

TARGET = ROOT / "docs/_measured/indexes.inc"
WIDTH = 110
EXPLAIN = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "
LIST = "/api/v1/products/"


def requests(catalogue: Catalogue) -> Iterator[tuple[str, str, str]]:
    """A pattern of each index, what it is of, and a request that needs it."""
    for lead, narrowed in (("", ""), ("category_", f"category={catalogue.leaf}&"), ("in_stock_", "in_stock=false&")):
        for ordering, sign in (("created_at", "-"), ("price", ""), ("name", "")):
            columns = f"{lead}{ordering}".replace("y_", "y, ").replace("k_", "k, ")
            yield f"shopcore_{lead}{ordering}_", columns, f"{LIST}?{narrowed}ordering={sign}{ordering}"
    yield "_updated_", "updated_at", f"{LIST}?updated_after={{recent}}"
    yield "_product_search", "search_vector", f"{LIST}?search={RARE}"
    yield "_product_trigram", "the folded name, by three letters", f"{LIST}?search={{misspelt}}"
    yield "_slug_unique", "slug", f"{LIST}?slug={{slug}}"
    yield "_sku_unique", "sku", f"{LIST}?sku={{sku}}"
    yield "_product_pkey", "id", f"{LIST}{{key}}/"


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def relevant(plan: list[str], index: str) -> list[str]:
    """The node that uses ``index``, from the limit above it downwards, and how long the whole took."""
    used = [place for place, line in enumerate(plan) if re.search(rf"using \w*{index}|on \w*{index}", line)]
    at = next((place for place in used if "never executed" not in plan[place]), used[0])
    top = at
    for place in range(at, -1, -1):
        if indent(plan[place]) < indent(plan[top]) and "->" in plan[place] + "->" * (indent(plan[place]) == 0):
            top = place
            if "Limit" in plan[place]:
                break
    if "Limit" not in plan[top]:
        top = at
    end = next((p for p in range(top + 1, len(plan)) if indent(plan[p]) <= indent(plan[top])), len(plan))
    lines = [line[indent(plan[top]) :] for line in plan[top:end]]
    lines = [re.sub(r"regexp_replace\(.*", "shopcore_fold_1(name) …", line) for line in lines]
    return [*(line if len(line) <= WIDTH else f"{line[: WIDTH - 2]} …" for line in lines), plan[-1]]


def plans_of(client: Any, connection: Any, url: str) -> list[list[str]]:
    """The plan of each statement that answers ``url``, made where it runs: a transaction may have settings of its own."""
    plans: list[list[str]] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().upper().startswith(("SELECT", "WITH")):
            execute(EXPLAIN + sql, params, many, context)
            plans.append([line for (line,) in context["cursor"].fetchall()])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        if client.get(url).status_code != 200:
            sys.exit(f"{url} failed")
    return plans


def main() -> None:
    catalogue = Catalogue(100_000)
    url = database(servers.database_url(), catalogue, reuse=True)
    os.environ.update(example_environment(DATABASE_URL=url, SHOPCORE_CATALOG_CACHE="0", ALLOWED_HOSTS="*"))
    os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
    sys.path.insert(0, str(ROOT / "example_project"))
    import django

    django.setup()
    from django.db import connection
    from rest_framework.test import APIClient

    from django_shopcore.catalog import get_product_model

    last = get_product_model().objects.filter(is_published=True, sku__isnull=False).order_by("-pk")[10]
    word = last.name.split()[1]
    values = {
        **{"slug": last.slug, "sku": last.sku, "key": last.pk, "recent": f"{last.created_at:%Y-%m-%dT%H:%M:%SZ}"},
        "misspelt": word[:-2] + word[-1] + word[-2],
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
        version = cursor.fetchone()[0]
    parts = [f"PostgreSQL {version}, 100,000 products.\n"]
    for index, columns, template in requests(catalogue):
        asked = template.format(**values)
        found = next(
            (plan for plan in plans_of(APIClient(), connection, asked) if re.search(rf"\w*{index}", "\n".join(plan))),
            None,
        )
        if found is None:
            sys.exit(f"{asked} does not use {index}")
        plan = "\n".join(relevant(found, index))
        parts.append(f"**{columns}**: `GET {asked.removeprefix('/api/v1/')}`\n\n```text\n{plan}\n```\n")
    Path(TARGET).write_text("\n".join(parts))
    print(f"{len(parts) - 1} indexes: {TARGET}")


if __name__ == "__main__":
    main()
