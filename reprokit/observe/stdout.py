"""Keeps a copy of what this process prints, apart from the other processes that share its terminal.

Two ranks that print to one pipe interleave differently every time, so standard output is compared per process. Only
the raw layer of ``sys.stdout`` is replaced: its descriptor, buffering, encoding and ``isatty()`` stay what they were.
"""

from __future__ import annotations

import io
import os
import sys

from reprokit.observe.sink import Sink

TYPE_CHECKING = False  # typing costs 8 ms at start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_LIMIT = 64 << 20


class _Copied(io.FileIO):
    """A file that also hands what it wrote to ``copy``."""

    def __init__(self, fd: int, copy: Callable[[Any], None]) -> None:
        super().__init__(fd, "w", closefd=False)
        self._copy = copy

    def write(self, data: Any) -> int:
        written = super().write(data)
        if written:
            self._copy(memoryview(data)[:written])
        return written


def tee(directory: str, failed: Callable[[str, BaseException], None]) -> Callable[[], None]:
    """Starts copying; returns a function that stops it (a forked child's output is its own)."""
    stream = sys.stdout
    buffer: Any = getattr(stream, "buffer", None)
    if type(stream) is not io.TextIOWrapper or type(buffer) not in (io.BufferedWriter, io.FileIO):
        return lambda: None
    sink = Sink(os.path.join(directory, "stdout"))
    pid, left, on = os.getpid(), _LIMIT, True

    def copy(data: Any) -> None:
        nonlocal left, on
        if not on or left <= 0 or os.getpid() != pid:
            return
        try:
            sink.write(bytes(data[:left]))
            left -= len(data)
        except Exception as error:  # noqa: BLE001 - the script's print() must not fail because of a copy
            on = False
            failed("stdout", error)

    def stop() -> None:
        nonlocal on
        on = False

    raw = _Copied(stream.fileno(), copy)
    buffered = type(buffer) is io.BufferedWriter
    raw.name = (buffer.raw if buffered else buffer).name  # with `python -u` there is no buffer between
    replacement = io.TextIOWrapper(
        io.BufferedWriter(raw) if buffered else raw,
        encoding=stream.encoding,
        errors=stream.errors,
        newline="\n",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
    replacement.mode = stream.mode  # type: ignore[misc]
    stream.flush()
    if sys.stdout is sys.__stdout__:
        sys.__stdout__ = replacement  # type: ignore[misc]
    sys.stdout = replacement
    return stop
