"""``METRICS_TOKEN`` and ``PROMETHEUS_MULTIPROC_DIR``."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from pathlib import Path

MIN_LENGTH = 20
# Part of the folder's name: counts of another format cannot be added up with these.
FORMAT = 1


def token(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", text) or len(text) < MIN_LENGTH:
        raise ValueError(f"expected at least {MIN_LENGTH} letters, digits and characters of . _ ~ + / = -")
    return text


def folder(text: str) -> Path:
    """A folder that only this user's processes can write to; made if it is missing."""
    if os.name == "nt":
        raise ValueError("works on Unix only")
    path = Path(text)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.lstat()
    except OSError as exc:
        raise ValueError(f"the folder cannot be made: {exc.strerror}") from None
    if not path.is_absolute() or path.is_symlink() or status.st_uid != os.getuid():
        raise ValueError("expected the absolute path of a folder that belongs to the site's user")
    if not os.access(path, os.W_OK | os.X_OK):
        raise ValueError("the folder is not writable")
    return path


def default_folder(site: Path) -> Path | None:
    """Under gunicorn one for all processes of ``site`` on this machine; elsewhere there is one process."""
    if "gunicorn.arbiter" not in sys.modules:
        return None
    name = hashlib.sha256(os.fsencode(site)).hexdigest()[:12]
    return folder(str(Path(tempfile.gettempdir(), f"shop-metrics-{os.getuid()}-{name}-{FORMAT}")))
