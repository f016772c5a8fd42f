from __future__ import annotations

import os

# A soak brings a database of its own: nothing would be different in a second run.
collect_ignore_glob = ["test_*.py"] if os.environ.get("SHOPCORE_TEST_DB") == "postgres" else []
