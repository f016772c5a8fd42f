"""The results as a table, as JSON and, with the plots, in the documentation."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import shlex
from pathlib import Path
from typing import Any

import psycopg

from . import plots
from .peers import ROOT
from .scenarios import Scenario

DOCS = ROOT / "docs/_measured"
DIAGRAMS = ROOT / "docs/_diagrams"
PACKAGES = ("Django", "djangorestframework", "psycopg", "orjson", "gunicorn", "redis")


def circumstances(url: str, options: argparse.Namespace, arguments: list[str]) -> dict[str, Any]:
    """What a figure depends on."""
    with psycopg.connect(url) as connection:
        [postgresql] = connection.execute("SHOW server_version").fetchone()
        [size] = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "products": int(url.rpartition("_")[2]),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "command": command(arguments),
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "versions": {"Python": platform.python_version(), "PostgreSQL": postgresql, **versions},
        "plan": {
            **{name: getattr(options, name) for name in ("categories", "seed", "server", "rounds", "seconds")},
            "generator": options.generator,
        },
        "database_bytes": size,
    }


def command(arguments: list[str]) -> str:
    """What to type for the same figures; where they were written to is nobody else's concern."""
    places = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    places.add_argument("--out")
    places.add_argument("--record", action="store_true")
    return shlex.join(["python3", "dev.py", "bench", *places.parse_known_args(arguments)[1]])


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def line(scenario: Scenario, name: str, figures: dict[str, Any]) -> str:
    text = f"  {scenario.title:<20} {name:<16} {len(figures['statements']):2} statements {figures['rows']:>9,} rows"
    if "p50" not in figures:
        return text
    ratio = f"{figures['ratio']:.2f}" if figures["ratio"] is not None else "-"
    rate = f"{figures['requests_per_second']:8.1f}/s {ratio:>5}"
    return f"{text} {rate}  p50 {figures['p50']:8.2f}  p99 {figures['p99']:8.2f} ms"


def write(runs: list[dict[str, Any]], folder: Path, *, record: bool) -> None:
    save(runs, folder, folder)
    print((folder / "catalogue.inc").read_text())
    print(f"Table, plots and JSON are in {folder}")
    if not record:
        return
    DOCS.mkdir(exist_ok=True)
    kept = DOCS / "catalogue.json"
    measured = {run["products"] for run in runs}
    older = [run for run in json.loads(kept.read_text()) if run["products"] not in measured] if kept.exists() else []
    save(sorted([*older, *runs], key=lambda run: run["products"]), DOCS, DIAGRAMS)


def save(runs: list[dict[str, Any]], folder: Path, pictures: Path) -> None:
    (folder / "catalogue.json").write_text(json.dumps(runs, indent=1) + "\n")
    (folder / "catalogue.inc").write_text("\n".join(tables(run) for run in runs))
    (pictures / "throughput.svg").write_text(plots.throughput(main_run(runs)))
    (pictures / "latency.svg").write_text(plots.latency(runs))


def main_run(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """That of 100,000 products, or the nearest to it."""
    return min(runs, key=lambda run: abs(run["products"] - 100_000))


def tables(run: dict[str, Any]) -> str:
    machine, versions, plan = run["machine"], run["versions"], run["plan"]
    return f"""### {run["products"]:,} products

{rates(run)}

{latencies(run)}

{after_writes(run)}

{costs(run)}

`{run["command"]}` on {run["date"]}: {machine["processor"]}, {machine["cores"]} cores, {machine["system"]};
{", ".join(f"{name} {version}" for name, version in versions.items())};
gunicorn's {plan["server"]} worker, {plan["generator"]} sends; medians of {plan["rounds"]} rounds of {plan["seconds"]} s;
{plan["categories"]} categories, seed {plan["seed"]}, a database of {run["database_bytes"] / 1e9:.1f} GB.
"""


def table(run: dict[str, Any], heading: str, cell: Any) -> str:
    """A row for each scenario, a column for each server."""
    names = list(run["memory"])
    rows = [f"| {heading} | {' | '.join(names)} |", "| --- |" + " --- |" * len(names)]
    for scenario in run["scenarios"].values():
        cells = (cell(scenario["peers"][name]) if name in scenario["peers"] else "" for name in names)
        rows.append(f"| {scenario['title']} | {' | '.join(cells)} |")
    return "\n".join(rows)


def rates(run: dict[str, Any]) -> str:
    def cell(figures: dict[str, Any]) -> str:
        ratio = f" ({figures['ratio']:.2f})" if figures["ratio"] is not None else ""
        return f"{significant(figures['requests_per_second'])}{ratio}"

    return table(run, "requests a second (ratio to the floor)", cell)


def latencies(run: dict[str, Any]) -> str:
    return table(
        run, "p50 / p99 in ms, one connection", lambda one: f"{significant(one['p50'])} / {significant(one['p99'])}"
    )


def after_writes(run: dict[str, Any]) -> str:
    rows = [
        f"| {one['title']} | {significant(one['peers']['shopcore']['anew'])} |"
        for one in run["scenarios"].values()
        if "anew" in one["peers"].get("shopcore", {})
    ]
    return "\n".join(["| the first request to `shopcore` after a write, ms |  |", "| --- | --- |", *rows])


def costs(run: dict[str, Any]) -> str:
    text = table(run, "SQL statements / rows read", lambda one: f"{len(one['statements'])} / {one['rows']:,}")
    memory = (f"{size / 2**20:.0f}" if size else "" for size in run["memory"].values())
    return f"{text}\n| memory of the worker, MiB | {' | '.join(memory)} |"


def significant(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
