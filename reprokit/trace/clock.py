"""When the steps of a training ended: pairs of float64 in a process's directory, written on demand only.

The clock stands still while reprokit digests, so two runs that are digested alike can be compared in what is the
script's own. A step that was passed over has no mark of its own: the next mark covers it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

CLOCK_FILE = "clock"
_PAIR = struct.Struct("=dd")


class Mark(NamedTuple):
    """The end of a step, counted from 1; ``seconds`` since some fixed moment of its process."""

    step: int
    seconds: float


def read_marks(directory: Path) -> list[Mark]:
    """The marks of one process, in order; none when it was not asked for them."""
    try:
        data = (directory / CLOCK_FILE).read_bytes()
    except OSError:
        return []
    marks = []
    for step, seconds in _PAIR.iter_unpack(data[: len(data) - len(data) % _PAIR.size]):
        if not step:  # the rest is reserved space
            break
        marks.append(Mark(int(step), seconds))
    return marks
