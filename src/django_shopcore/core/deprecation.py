"""Warnings of what a later release removes. docs/reference/upgrading.md has the policy.

What is deprecated in 0.N works in 0.N and 0.N+1, with a warning, and is gone in 0.N+2. There are two classes at a time:
one for the next minor release, which Python shows by default, and one for the release after it, which it shows
in tests only::

    warnings.warn("PAGE_ROWS is now PAGE_SIZE.", RemovedInShopcore03Warning, stacklevel=2)
"""

from __future__ import annotations

from typing import ClassVar


class RemovedInShopcore02Warning(DeprecationWarning):
    """What warns so is gone in 0.2."""

    removed_in: ClassVar[tuple[int, int]] = (0, 2)


class RemovedInShopcore03Warning(PendingDeprecationWarning):
    """What warns so is gone in 0.3."""

    removed_in: ClassVar[tuple[int, int]] = (0, 3)
