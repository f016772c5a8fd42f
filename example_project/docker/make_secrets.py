"""Makes the secrets of a compose project, each in a file of its own. What is there stays as it is.

python make_secrets.py FOLDER
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path


def keep(file: Path, text: str) -> str:
    """What the file says; ``text`` when there is none yet."""
    if not file.exists():
        temporary = file.with_name(f".{file.name}")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(text)
        # A file that is there is whole, whenever this was killed.
        temporary.replace(file)
        print(f"made {file}")
    return file.read_text(encoding="ascii")


def main(folder: Path) -> None:
    keep(folder / "secret_key", secrets.token_hex(32))
    keep(folder / "jwt_signing_key", secrets.token_hex(32))
    password = keep(folder / "database_password", secrets.token_hex(32))
    keep(folder / "database_url", f"postgres://shop:{password}@db:5432/shop")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
