"""Pictures of the results as SVG that takes the page's colours, light or dark."""

from __future__ import annotations

import math
from typing import Any

COLOURS = {"floor": "#8a8f98", "shopcore": "#2563eb", "shopcore-cached": "#0d9488", "drf": "#d97706"}
LINES = ("#2563eb", "#0d9488", "#d97706", "#db2777", "#7c3aed", "#65a30d", "#0891b2", "#dc2626")
STYLE = """<style>
.rule { stroke: var(--color-foreground-border, #878787); stroke-width: 0.6; opacity: 0.5; }
.one { stroke: currentColor; stroke-width: 1; stroke-dasharray: 4 3; }
.small { font-size: 11px; fill: var(--color-foreground-secondary, #5a5c63); }
</style>"""
WIDTH = 720


def picture(height: int, parts: list[str]) -> str:
    head = f'<svg viewBox="0 0 {WIDTH} {height}" xmlns="http://www.w3.org/2000/svg" font-size="13" fill="currentColor">'
    return "\n".join((head, STYLE, *parts, "</svg>")) + "\n"


def text(x: float, y: float, words: str, *, kind: str = "", anchor: str = "start", fill: str = "") -> str:
    options = (f' class="{kind}"' if kind else "") + (f' style="fill: {fill}"' if fill else "")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{options}>{words}</text>'


def throughput(run: dict[str, Any]) -> str:
    """Bars: requests a second as a ratio to the floor, a group for each scenario."""
    left, right, bar = 150, 60, 13
    shown = [one for one in run["scenarios"].values() if any(ratio(figures) for figures in one["peers"].values())]
    names = [name for name in run["memory"] if name != "floor"]
    most = max(1.0, *(ratio(figures) for one in shown for figures in one["peers"].values()))
    scale = (WIDTH - left - right) / most
    parts, y = legend(names), 34.0
    bottom = y + sum(bar * len(bars(one, names)) + 12 for one in shown)
    for step in range(int(most * 4) + 1):
        x = left + step / 4 * scale
        parts.append(f'<path class="{"one" if step == 4 else "rule"}" d="M{x:.1f} {y - 4:.1f}V{bottom:.1f}"/>')
        parts.append(text(x, bottom + 14, "floor" if step == 4 else f"{step / 4:g}", kind="small", anchor="middle"))
    for one in shown:
        found = bars(one, names)
        parts.append(text(left - 8, y + bar * len(found) / 2 + 4, one["title"], anchor="end"))
        for name, value in found:
            width = max(value * scale, 1)
            parts.append(
                f'<rect x="{left}" y="{y:.1f}" width="{width:.1f}" height="{bar - 2}" rx="2" fill="{COLOURS[name]}"/>'
            )
            parts.append(text(left + width + 5, y + 9.5, f"{value:.2f}", kind="small"))
            y += bar
        y += 12
    return picture(int(bottom + 24), parts)


def bars(scenario: dict[str, Any], names: list[str]) -> list[tuple[str, float]]:
    return [(name, ratio(scenario["peers"][name])) for name in names if name in scenario["peers"]]


def ratio(figures: dict[str, Any]) -> float:
    return figures["ratio"] or 0.0


def legend(names: list[str]) -> list[str]:
    parts, x = [], 150.0
    for name in names:
        parts.append(f'<rect x="{x:.1f}" y="6" width="12" height="12" rx="2" fill="{COLOURS[name]}"/>')
        parts.append(text(x + 18, 16.5, name))
        x += 46 + 7.5 * len(name)
    return parts


def latency(runs: list[dict[str, Any]], peer: str = "shopcore") -> str:
    """Lines: the median answer time of each scenario over the size of the catalogue, both in powers of ten."""
    left, right, top, height = 60, 170, 16, 300
    sizes = [run["products"] for run in runs]
    lines = {
        one["title"]: [
            (run["products"], run["scenarios"][name]["peers"][peer]["p50"]) for run in runs if name in run["scenarios"]
        ]
        for run in runs
        for name, one in run["scenarios"].items()
        if peer in one["peers"]
    }
    values = [value for points in lines.values() for _, value in points]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    first, last = math.log10(min(sizes)), math.log10(max(sizes))

    def across(size: float) -> float:
        return left + (WIDTH - left - right) * ((math.log10(size) - first) / (last - first) if last > first else 0.5)

    def down(value: float) -> float:
        return top + height * (high - math.log10(value)) / max(1, high - low)

    parts = []
    for power in range(low, high + 1):
        y = down(10**power)
        parts.append(f'<path class="rule" d="M{left} {y:.1f}H{WIDTH - right}"/>')
        parts.append(text(left - 8, y + 4, f"{10.0**power:g} ms", kind="small", anchor="end"))
    parts += [text(across(size), top + height + 20, f"{size:,}", kind="small", anchor="middle") for size in sizes]
    parts.append(text((left + WIDTH - right) / 2, top + height + 38, "products", kind="small", anchor="middle"))
    for (title, points), colour, y in zip(lines.items(), LINES * 2, label_places(lines, down), strict=False):
        path = "L".join(f"{across(size):.1f} {down(value):.1f}" for size, value in points)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{across(size):.1f}" cy="{down(value):.1f}" r="3" fill="{colour}"/>' for size, value in points
        ]
        parts.append(text(WIDTH - right + 12, y + 4, title, fill=colour))
    return picture(top + height + 50, parts)


def label_places(lines: dict[str, list[tuple[int, float]]], down: Any) -> list[float]:
    """Beside each line's end, pushed down where two would overlap."""
    ends = sorted((down(points[-1][1]), title) for title, points in lines.items())
    places, free = {}, -math.inf
    for y, title in ends:
        places[title] = max(y, free)
        free = places[title] + 15
    return [places[title] for title in lines]
