"""Search in names and descriptions: every word must match, as a word or the beginning of one, best match first.

PostgreSQL has a stored full-text vector, SQLite an FTS5 table; ``SearchBackend`` is the base of both, and of a
site's own engine.
"""

from .base import SearchBackend, get_backend, search
from .problems import search_problems

__all__ = ["SearchBackend", "get_backend", "search", "search_problems"]
