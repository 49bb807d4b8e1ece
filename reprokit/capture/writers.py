"""Which files are being written by processes that are not part of a run: a shell's redirection, ``tee``, an editor."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress

_ACCESS = re.compile(rb"^flags:\s*0*([0-7]+)$", re.MULTILINE)


def open_for_writing(apart_from: frozenset[int] = frozenset()) -> set[tuple[int, int]]:
    """Device and inode of every regular file that a process holds open for writing now, this process included.

    Processes that cannot be looked into (other users') are passed over. Linux only; elsewhere the set is empty.

    Args:
        apart_from: process ids that do not count, such as those of the run itself.
    """
    found: set[tuple[int, int]] = set()
    if not os.path.isdir("/proc/self/fd"):  # noqa: PTH112
        return found
    for name in os.listdir("/proc"):  # noqa: PTH208
        if not name.isdecimal() or int(name) in apart_from:
            continue
        with suppress(OSError):
            for number in os.listdir(f"/proc/{name}/fd"):  # noqa: PTH208
                with suppress(OSError):
                    found |= _written(f"/proc/{name}", number)
    return found


def _written(process: str, number: str) -> set[tuple[int, int]]:
    status = os.stat(f"{process}/fd/{number}")  # noqa: PTH116
    if not stat.S_ISREG(status.st_mode):
        return set()
    with open(f"{process}/fdinfo/{number}", "rb") as file:  # noqa: PTH123
        flags = _ACCESS.search(file.read())
    writes = flags is not None and int(flags[1], 8) & os.O_ACCMODE != os.O_RDONLY
    return {(status.st_dev, status.st_ino)} if writes else set()
