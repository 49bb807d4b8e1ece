"""Generators that two runs started with in unlike states.

A replay is given the recorded states back, so every generator's state counts. Two recordings are not: a script that
seeds PyTorch alone starts each time with other states of Python's and NumPy's own generators. As long as neither run
draws from such a generator its states say nothing; the first draw in either run is where it begins to matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from reprokit.trace.columns import Part

_CHUNK = 4096


@dataclass(frozen=True)
class Unlike:
    """Generators whose first states differ between two traces, by name, with those states (16 bytes, uint8).

    ``idle`` are those that neither run drew from in any traced step.
    """

    states: dict[str, tuple[Any, Any]]
    idle: frozenset[str]

    def untouched(self, keys: list[str], left: Any, right: Any) -> Any:
        """Where both runs' generators are still as they were at first, and so may differ: bool (rows, columns).

        Args:
            keys: the columns' keys, ``MOMENT/GENERATOR``.
            left: digests of one trace, uint8 (rows, columns, 16).
            right: those of the other one.
        """
        mask = np.zeros(left.shape[:2], dtype=bool)
        for at, key in enumerate(keys):
            first = self.states.get(generator_of(key))
            if first is not None:
                mask[:, at] = (left[:, at] == first[0]).all(axis=1) & (right[:, at] == first[1]).all(axis=1)
        return mask


def unlike_generators(recorded: Part, other: Part) -> Unlike:
    """Compares the first states of the generators in two traces.

    Args:
        recorded: the part ``rng`` of one trace, with columns ``MOMENT/GENERATOR``.
        other: that of the other trace.
    """
    ours, theirs = _states(recorded), _states(other)
    differing = {name for name in ours.keys() & theirs.keys() if ours[name][0].tobytes() != theirs[name][0].tobytes()}
    idle = {name for name in differing if not (ours[name][1] or theirs[name][1])}
    return Unlike({name: (ours[name][0], theirs[name][0]) for name in differing}, frozenset(idle))


def generator_of(key: str) -> str:
    """The generator that a column of the part ``rng`` speaks of."""
    return key.partition("/")[2] or key


def _states(part: Part) -> dict[str, tuple[Any, bool]]:
    """Of each generator the first state that was digested, and whether it was ever another one."""
    columns: dict[str, list[int]] = {}
    for index, column in enumerate(part.columns):
        columns.setdefault(generator_of(column.key), []).append(index)
    found: dict[str, tuple[Any, bool]] = {}
    for start in range(0, len(part.keys), _CHUNK):
        rows = part.read(start, min(start + _CHUNK, len(part.keys)))
        for name, indices in columns.items():
            if name in found and found[name][1]:
                continue
            seen = rows[:, indices].reshape(-1, rows.shape[2])
            seen = seen[seen.any(axis=1)]
            if len(seen):
                first = found[name][0] if name in found else seen[0].copy()
                found[name] = first, bool((seen != first).any())
    return found
