"""What all processes of the site counted, also those that have ended.

prometheus_client lets each process count into files of its own, named by its number, and adds them up. Files of
ended processes would pile up as a server replaces its workers; here they are added to one, and deleted.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

ENDED = 0  # stands for all ended processes: none has this number


def collect(folder: Path) -> list[Metric]:
    with _locked(folder):
        _add_up_ended(folder)
        return list(MultiProcessCollector(None, str(folder)).collect())


def add_up_ended(folder: Path) -> None:
    with _locked(folder):
        _add_up_ended(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One at a time: whoever reads while a file is added to another would count it twice or not at all."""
    with (folder / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _add_up_ended(folder: Path) -> None:
    for file in folder.glob("*_*.db"):
        kind, _, number = file.stem.rpartition("_")
        if number.isdigit() and int(number) != ENDED and not _is_alive(int(number)):
            _move(file, folder / f"{kind}_{ENDED}.db")


def _move(file: Path, total: Path) -> None:
    # A reader of ours waits, and a process that is killed on the way leaves the old sum.
    new = total.with_suffix(".new")
    new.unlink(missing_ok=True)
    if total.exists():
        shutil.copyfile(total, new)
    sums = MmapedDict(str(new))
    # Its process may have been killed before it wrote anything.
    with suppress(struct.error):
        for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file)):
            sums.write_value(key, sums.read_value(key)[0] + value, 0.0)
    sums.close()
    new.replace(total)
    file.unlink()


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
