"""Sphinx configuration. ``python3 dev.py docs`` builds the pages; a warning fails the build."""

import os
import sys
from pathlib import Path

import django
from django.conf import settings

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

# The API pages import our modules, which needs a site with our apps in it. It has no database.
settings.configure(
    SECRET_KEY="for the documentation only",  # noqa: S106 - signs nothing
    AUTH_USER_MODEL="shopcore_accounts.User",
    INSTALLED_APPS=[
        "django_shopcore.core",
        "django_shopcore.catalog",
        "django_shopcore.accounts",
        "django_shopcore.mfa",
        "django_shopcore.notifications",
        "django_shopcore.audit",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    SHOPCORE_SITE_URL="https://shop.example",
    SHOPCORE_NOTIFICATIONS_UNSUBSCRIBE_URL="https://shop.example/api/v1/notifications/unsubscribe/",
)
django.setup()

import django_shopcore  # noqa: E402 - after the set-up

project = "django-shopcore"
author = "The django-shopcore developers"
copyright = f"2026, {author}"
release = django_shopcore.__version__
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "shopcore_docs",
    "shopcore_diagrams",
    "shopcore_emails",
    "shopcore_http",
    "shopcore_links",
    "shopcore_llms",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"

# Asked for by "nox -s docs -- linkcheck", which needs a network. Addresses of examples have nobody behind them.
linkcheck_ignore = [r"http://(localhost|127\.0\.0\.1)[:/]", r"https://([a-z]+\.)*(shop\.example|example\.(com|org))\b"]
linkcheck_timeout = 20
linkcheck_retries = 2
# GitHub makes the places in its pages by script.
linkcheck_anchors_ignore_for_url = [r"https://github\.com/"]

html_theme = "furo"
html_baseurl = os.environ.get("READTHEDOCS_CANONICAL_URL", "")
html_static_path = ["_static"]
html_css_files = ["shopcore.css"]
html_js_files = [("copy.js", {"defer": "defer"})]
html_title = f"django-shopcore {release}"
html_theme_options = {
    "source_repository": "https://github.com/django-shopcore/django-shopcore/",
    "source_branch": "main",
    "source_directory": "docs/",
}
