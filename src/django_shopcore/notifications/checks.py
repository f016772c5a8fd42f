"""System checks of the notifications' settings."""

from __future__ import annotations
