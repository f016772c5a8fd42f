"""Brings the database to its present state and has Django and the description examined; prints what was said as JSON."""

import io
import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "corner.settings")
django.setup()

from django.core.management import call_command  # noqa: E402


def said(*words):
    output = io.StringIO()
    sys.stderr = output
    try:
        call_command(*words, stdout=output)
    finally:
        sys.stderr = sys.__stderr__
    return output.getvalue()


call_command("migrate", verbosity=0)
print(
    json.dumps(
        {
            "makemigrations": said("makemigrations", "--check"),
            "check": said("check"),
            "spectacular": said("spectacular", "--validate", "--fail-on-warn", "--file", "schema.yaml"),
        }
    )
)
