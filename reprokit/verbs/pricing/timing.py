"""How long the training of a replay took: from its first step to its last, without reprokit's digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.trace.clock import Mark, read_marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.observe.reading import ObservedProcess

_WARM_UP = 0.1  # share of the steps


def training_seconds(processes: Sequence[ObservedProcess]) -> float | None:
    """Of the rank or process that took longest; None where fewer than two moments were noted."""
    times = [measured(read_marks(process.directory)) for process in processes]
    return max((seconds for seconds in times if seconds is not None), default=None)


def measured(marks: Sequence[Mark]) -> float | None:
    """Seconds between two steps: the end of the warm-up and the last mark.

    The warm-up is the first tenth of the steps, and at least the first, in which libraries are loaded and kernels
    chosen. Marks stand at the same steps in every replay of a bundle.

    >>> measured([Mark(1, 5.0), Mark(2, 6.0), Mark(3, 7.5)])
    2.5
    """
    if not marks:
        return None
    last = marks[-1]
    begin = next((mark for mark in marks if mark.step >= _WARM_UP * last.step), last)
    return last.seconds - begin.seconds if last.step > begin.step else None
