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
    """Seconds that all steps take at the pace of those after the warm-up.

    The warm-up is the first tenth of the steps, and at least the first, in which libraries are loaded and kernels
    chosen. A pace, and not a difference of two moments: steps that were passed over have no mark, and which ones are
    may differ from replay to replay.

    >>> measured([Mark(1, 5.0), Mark(2, 6.0), Mark(4, 8.0)])
    4.0
    """
    if len(marks) < 2:
        return None
    last = marks[-1]
    warm = max(marks[0].step, _WARM_UP * last.step)
    begin = [mark for mark in marks if mark.step <= warm][-1]
    if last.step == begin.step or last.seconds <= begin.seconds:
        return None
    return (last.seconds - begin.seconds) / (last.step - begin.step) * last.step
