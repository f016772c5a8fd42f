"""A database engine: Django's for PostgreSQL, whose requests do not wait for a server that has stopped.

``DATABASES = {"default": {"ENGINE": "django_shopcore.core.postgresql", ...}}``
"""
