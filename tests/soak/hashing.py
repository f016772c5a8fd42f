"""Passwords at a price that a soak can pay: a real hash takes 100 MB for a moment, and would be all that is measured."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class CheapArgon2(Argon2PasswordHasher):
    time_cost = 1
    memory_cost = 4096  # kB
    parallelism = 1
