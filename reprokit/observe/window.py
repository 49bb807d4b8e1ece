"""One run of a process among others: its trace begins when it does, and ends with it.

A bundle made by ``reprokit.run`` holds what happened inside that block. Its replay runs the whole script again, and
must trace the same block and no more.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reprokit.observe.start import Session

_TRACED = ("rows", "blocks", "stdout", "metrics.jsonl")


def restart_trace(session: Session) -> None:
    """Starts the trace of this process anew, from step 1."""
    recorder = session.recorder()
    recorder.close()
    directory = session.process.directory
    for name in os.listdir(directory):
        if name in _TRACED or name.startswith("losses."):
            os.truncate(os.path.join(directory, name), 0)
    recorder.light = session.config.get("level") == "light"
    recorder.forked()


def begin_window(session: Session) -> None:
    """Here the recorded run began: what was traced of this process before does not count."""
    _flush()
    restart_trace(session)
    for adapter in session.adapters:
        adapter.begin()
    session.reporting = session.ambient.giving = True


def end_window(session: Session) -> None:
    """Here the recorded run ended."""
    for adapter in session.adapters:
        try:
            adapter.close()
        except Exception as error:  # noqa: BLE001 - the script must not see it
            session.failed(type(adapter).__module__, error)
        adapter.stop()
    _flush()
    session.stop_stdout()
    session.reporting = session.ambient.giving = False


def _flush() -> None:
    """What was printed so far reaches the copy now: it belongs to this side of the border."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
