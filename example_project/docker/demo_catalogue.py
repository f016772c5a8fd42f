"""Loads the demo's categories and products where there are none of them; no accounts, no DEBUG."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")


def main() -> None:
    django.setup()
    from shop.sample import catalogue

    if catalogue.is_loaded():
        return
    report = catalogue.load()
    if not report.ok:
        raise SystemExit(f"The sample data has an error: {report.errors[0]}")
    print("The demo's catalogue is loaded.")


if __name__ == "__main__":
    main()
