"""Where pages begin: places in a list by their offset, so that a deep page need not walk to itself each time.

A place is good for the version of the tables it was found in. A page is read from the nearest place at or
before it, together with the tables' tokens; with other tokens it is thrown away and read the long way.
"""

from __future__ import annotations

from typing import Any

MOST = 256
# Below this offset the walk costs less than the place is worth.
SHALLOW = 500

Place = tuple[Any, ...]
Tokens = dict[str, str]


class Anchors:
    """The places known of one list, which is the same list while the tokens are."""

    def __init__(self) -> None:
        self._known: tuple[Tokens, dict[int, Place]] = ({}, {})

    def nearest(self, offset: int) -> tuple[Tokens, int, Place] | None:
        """The last known place at or before ``offset``: the tokens it depends on, its offset, itself."""
        tokens, places = self._known
        found = max((known for known in list(places) if known <= offset), default=None)
        return None if found is None else (tokens, found, places[found])

    def note(self, tokens: Tokens, places: dict[int, Place]) -> None:
        """Remembers ``places``, by offset, found together with ``tokens``."""
        known_tokens, known = self._known
        if known_tokens != tokens:
            known = {}
        merged = {**known, **places}
        while len(merged) > MOST:
            merged.pop(next(iter(merged)))
        # Replaced as a whole: another thread may be reading.
        self._known = (tokens, merged)
