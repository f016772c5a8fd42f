"""The demo's data: what ``manage.py demo`` puts into the database, and what it prints."""

DEBUG_ONLY = "is off. The demo makes accounts with public passwords, so it runs only with DEBUG on"
