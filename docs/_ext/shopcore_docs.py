"""The parts of the reference that are made from the code, and a warning where a page lags behind it.

``{shopcore-settings} PREFIX`` lists the settings whose names start with ``PREFIX``, from their descriptors.
Before each build every check id in the source must be on ``reference/checks.md``, every signal on
``reference/signals.md``, and every command on ``reference/commands.md``. A check's row is a place to link to:
``reference/checks.html#shopcore-e001``.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

import django_shopcore
from django_shopcore.core.conf import Setting, declared_settings

SOURCE = Path(django_shopcore.__file__).parent
FEATURES = sorted(path.parent.name for path in SOURCE.glob("*/conf.py") if path.parent.name != "core")
PREFIXES = ["SHOPCORE_", *(f"SHOPCORE_{feature.upper()}_" for feature in FEATURES)]

CHECK = re.compile(r"shopcore\.[EW][0-9]{3}")

logger = logging.getLogger(__name__)


def settings_of(prefix: str) -> list[Setting[Any]]:
    """The settings whose longest known prefix is ``prefix``."""
    for feature in FEATURES:
        import_module(f"django_shopcore.{feature}.conf")
    return [
        setting
        for setting in declared_settings()
        if prefix == max((known for known in PREFIXES if setting.name.startswith(known)), key=len)
    ]


class SettingsDirective(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        found = settings_of(self.arguments[0])
        if not found:
            raise self.error(f"no setting starts with {self.arguments[0]}")
        return self.parse_text_to_nodes("\n".join(map(_entry, found)))


def _entry(setting: Setting[Any]) -> str:
    only = "" if setting.kind.parse else " Cannot be an environment variable."
    return f"""({setting.name.lower().replace("_", "-")})=
`{setting.name}`
: {setting.doc}

  Takes {setting.kind.name}. Default: `{setting.default!r}`.{only}
"""


def warn_about_gaps(app: Sphinx) -> None:
    code = "\n".join(path.read_text() for path in SOURCE.rglob("*.py"))
    signals = "\n".join(path.read_text() for path in SOURCE.rglob("signals.py"))
    wanted = {
        "checks": set(re.findall(f'"({CHECK.pattern})"', code)),
        "signals": set(re.findall(r"^(\w+) = Signal\(\)", signals, re.MULTILINE)),
        "commands": {path.stem for path in SOURCE.rglob("management/commands/[!_]*.py")},
    }
    for page, names in wanted.items():
        text = (Path(app.srcdir) / "reference" / f"{page}.md").read_text()
        for name in sorted(names):
            if name not in text:
                logger.warning("%s is not on the page", name, location=f"reference/{page}")


def anchor_checks(app: Sphinx, tree: nodes.document) -> None:
    if app.env.docname != "reference/checks":
        return
    for row in tree.findall(nodes.row):
        name = row[0].astext()
        if CHECK.fullmatch(name):
            row["ids"].append(name.lower().replace(".", "-"))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("shopcore-settings", SettingsDirective)
    app.connect("builder-inited", warn_about_gaps)
    app.connect("doctree-read", anchor_checks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
