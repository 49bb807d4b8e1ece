"""Generators that a run carried along and never drew from.

A replay is given the recorded states back, so every generator's state counts. Two recordings are not: a script that
seeds PyTorch alone starts each time with other states of Python's and NumPy's own generators, and never uses them. Such
a difference is no cause of anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from reprokit.trace.columns import Part

_CHUNK = 4096


def idle_generators(recorded: Part, other: Part) -> set[str]:
    """Generators whose state never changed in either of two traces.

    Args:
        recorded: the part ``rng`` of one trace, with columns ``MOMENT/GENERATOR``.
        other: that of the other trace.

    Returns:
        The names of the generators.
    """
    return _idle(recorded) & _idle(other)


def generator_of(key: str) -> str:
    """The generator that a column of the part ``rng`` speaks of."""
    return key.partition("/")[2] or key


def _idle(part: Part) -> set[str]:
    columns: dict[str, list[int]] = {}
    for index, column in enumerate(part.columns):
        columns.setdefault(generator_of(column.key), []).append(index)
    states: dict[str, set[bytes]] = {name: set() for name in columns}
    for start in range(0, len(part.keys), _CHUNK):
        rows = part.read(start, min(start + _CHUNK, len(part.keys)))
        for name, indices in columns.items():
            if len(states[name]) < 2:
                seen = np.unique(rows[:, indices].reshape(-1, rows.shape[2]), axis=0)
                states[name] |= {digest.tobytes() for digest in seen if digest.any()}
    return {name for name, seen in states.items() if len(seen) == 1}
