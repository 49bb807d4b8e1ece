"""Copies what a process prints, from Python, for as long as a run goes on: also where ``print`` goes to a notebook.

Only ``sys.stdout`` and ``sys.stderr`` stand for something else meanwhile; what native code and children write to the
descriptors themselves is not copied.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from reprokit.observe.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LIMIT = 64 << 20


class _Copied:
    """Stands for a text stream: everything is the stream's own but what it writes, which is copied too."""

    def __init__(self, stream: Any, sinks: list[Sink]) -> None:
        self._stream, self._sinks, self._left = stream, sinks, _LIMIT

    def write(self, text: str) -> Any:
        written = self._stream.write(text)
        data = text.encode("utf-8", "surrogateescape")[: self._left]
        self._left -= len(data)
        try:
            for sink in self._sinks:
                sink.write(data)
        except OSError:  # a full disk must not cost the user any output
            self._left = 0
        return written

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def copy_streams(directory: str, logs: str) -> Callable[[], None]:
    """Starts copying; returns a function that stops it and puts the streams back.

    Args:
        directory: the process's own; it gets ``stdout``.
        logs: gets ``stdout.txt`` and ``stderr.txt``.
    """
    out = [Sink(os.path.join(directory, "stdout")), Sink(os.path.join(logs, "stdout.txt"))]
    sinks = {"stdout": out, "stderr": [Sink(os.path.join(logs, "stderr.txt"))]}
    before = {name: getattr(sys, name) for name in sinks}
    ours = {name: _Copied(stream, sinks[name]) for name, stream in before.items() if stream is not None}
    for name, stream in ours.items():
        setattr(sys, name, stream)

    def stop() -> None:
        for name, stream in ours.items():
            if getattr(sys, name) is stream:
                setattr(sys, name, before[name])
            stream._sinks = []  # whoever kept it (a logging handler) goes on writing through it
        for sink in (sink for one in sinks.values() for sink in one):
            sink.close()

    return stop
