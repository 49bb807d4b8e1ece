"""The environment that a process was started with, as `/proc` shows it; proc_pid_environ(5)."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE = 0.5  # seconds; the kernel takes far less to start a program that is on the disk
_PAUSE = 0.001
_ENV_END = 48  # field 51 of proc_pid_stat(5), counted after the program's name


def inherited(process: Path) -> bytes:
    """Names and values, each ``NAME=value`` with a null byte behind it, as they were when the program started.

    A program that the kernel is just starting has none for a moment, although it was given one: it is waited for. A
    kernel's thread and a process that was started with an empty environment have none at all.

    Args:
        process: its directory, ``/proc/PID``.

    Raises:
        OSError: the process has ended, or is another user's.
    """
    environ = process / "environ"
    end = time.monotonic() + _PATIENCE
    while not (found := environ.read_bytes()) and _is_starting(process) and time.monotonic() < end:
        time.sleep(_PAUSE)
    return found or environ.read_bytes()  # it may have started since the first look


def _is_starting(process: Path) -> bool:
    """Whether a process has a program, and not yet the environment for it."""
    fields = (process / "stat").read_bytes().rpartition(b")")[2].split()  # the name may hold blanks and brackets
    with suppress(OSError):  # a kernel's thread, or it has ended
        return fields[_ENV_END] == b"0" and bool((process / "exe").readlink())
    return False
