#!/usr/bin/env python3
"""Runs the example project's commands: ``manage.py demo`` to look around, ``manage.py migrate`` and so on."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line
from shop.config.words import switch
from shop.env import env
from shop.sample import DEBUG_ONLY


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    if sys.argv[1:2] == ["demo"]:
        # The demo asks for no configuration at all; .env and the process's variables still win.
        env.defaults["DEBUG"] = "on"
        if not env.read("DEBUG", switch, True):
            # Here already: the settings would ask for all that a real site needs, and to no purpose.
            sys.exit(f"DEBUG: {DEBUG_ONLY}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
