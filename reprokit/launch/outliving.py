"""Processes of a run that are still there when its command has ended: what they write later is in no bundle."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from reprokit.capture.inherited import inherited
from reprokit.capture.secrets import scrub_arguments
from reprokit.launch.recording import OBSERVE

_PATIENCE = 2.0  # seconds; pools of workers, `tee` and the like end a moment after the command
_PAUSE = 0.02


def outliving(directory: Path) -> list[str]:
    """A sentence for each process that goes on after the command, once it has had a moment to end.

    Every process that the command started, in whatever session or group, has inherited where its recording goes, unless
    its environment was cleared.

    Args:
        directory: the recording's directory.
    """
    end = time.monotonic() + _PATIENCE
    # Looks twice where it finds none: a process may have handed on to its child between the list and the look.
    while (found := _running(directory) or _running(directory)) and time.monotonic() < end:
        time.sleep(_PAUSE)
    return [
        f"process {pid} ({line}) went on after the command had ended: what it did from then on was not observed, and "
        "what it wrote is in no bundle"
        for pid, line in found
    ]


def _running(directory: Path) -> list[tuple[int, str]]:
    """Number and command line of each process that was started for the recording and runs now."""
    mark = f"{OBSERVE}={directory}".encode(errors="surrogateescape")
    found = []
    with suppress(OSError):  # without /proc nothing is ever found
        for name in filter(str.isdigit, os.listdir("/proc")):
            with suppress(OSError):
                # A process that has ended and waits for its parent has neither.
                if mark in inherited(Path("/proc", name)).split(b"\0"):
                    line = os.fsdecode(Path("/proc", name, "cmdline").read_bytes().rstrip(b"\0")).split("\0")
                    found.append((int(name), " ".join(scrub_arguments(line)[0])[:200]))
    return sorted(found)
