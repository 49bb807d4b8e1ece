"""A trace of the level ``light`` beside one that holds every tensor's digest.

``light`` keeps one root of a part: the digest of its tensors' digests, in the order in which the adapter gave them. The
same root can be made of the other trace's digests. Equal roots prove equality. Roots that differ prove a difference
where the order is known, which it is for columns whose roots were equal in an earlier step; elsewhere nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.digest import array_header, tensor_hash_named
from reprokit.trace.columns import Part

if TYPE_CHECKING:
    from reprokit.trace.columns import Trace
    from reprokit.trace.raw import Column

ROOT = "root"
_CHUNK = 1024


@dataclass
class RootedPart:
    """Rows of a part as ``light`` would have kept them; read as a `Part` is.

    Attributes:
        name: of the part.
        columns: those of the ``light`` part.
        keys: of the rows that can be compared, ascending.
        unknown: how many rows cannot be, since the order of their tensors is not known.
    """

    name: str
    columns: list[Column]
    keys: Any
    rows: Any
    unknown: int = 0

    def read(self, first: int, last: int) -> Any:
        """Rows ``first`` to ``last`` (exclusive): uint8 of shape (rows, columns, 16)."""
        return self.rows[first:last]


Rows = Part | RootedPart


def alike(recorded: Trace, replayed: Trace, name: str) -> tuple[Rows, Rows, int]:
    """A part that both traces have, of both in the same shape, and how many steps of it cannot be brought there."""
    ours, theirs = recorded.parts[name], replayed.parts[name]
    if (recorded.level == "light") == (replayed.level == "light"):
        return ours, theirs, 0
    light, whole = (ours, theirs) if recorded.level == "light" else (theirs, ours)
    made = rooted(whole, light, recorded.algorithm)
    unknown = made.unknown if isinstance(made, RootedPart) else 0
    return (ours, made, unknown) if light is ours else (made, theirs, unknown)


def rooted(whole: Part, light: Part, algorithm: str) -> Part | RootedPart:
    """The rows of ``whole`` that ``light`` has too, with roots in place of what ``light`` joined.

    Args:
        whole: a part with every tensor's digest.
        light: the same part of a trace of the level ``light``.
        algorithm: the digests' name, of both.

    Returns:
        ``whole`` itself where ``light`` kept no root, as of losses and generators.
    """
    at = next((number for number, column in enumerate(light.columns) if column.key == ROOT), None)
    if at is None:
        return whole
    keys, left, right = np.intersect1d(whole.keys, light.keys, assume_unique=True, return_indices=True)
    joiner = _Joiner(whole, light, at, algorithm)
    made = np.zeros((len(keys), len(light.columns), 16), np.uint8)
    known = np.zeros(len(keys), bool)
    for start in range(0, len(keys), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        pairs = zip(_read(whole, left[chunk]), _read(light, right[chunk]), strict=True)
        for number, (row, kept) in enumerate(pairs, start):
            known[number] = joiner.join(row, kept, made[number])
    return RootedPart(light.name, light.columns, keys[known], made[known], int((~known).sum()))


def _read(part: Part, at: Any) -> Any:
    return part.read(int(at[0]), int(at[-1]) + 1)[at - at[0]]


class _Joiner:
    """Makes rows of one part, and remembers for which columns the order is known."""

    def __init__(self, whole: Part, light: Part, at: int, algorithm: str) -> None:
        self._hash = tensor_hash_named(algorithm)
        self._at = at
        keys = [column.key for column in light.columns]
        self._own = [(keys.index(c.key), number) for number, c in enumerate(whole.columns) if c.key in keys]
        self._ordered: set[bytes] = set()

    def join(self, row: Any, kept: Any, target: Any) -> bool:
        """Writes the row as ``light`` keeps it to ``target``; false where that is not known."""
        present = row.any(axis=1)
        for own, number in self._own:
            if kept[own].any():  # it stands alone in this row
                target[own] = row[number]
                present[number] = False
        if not kept[self._at].any() and not present.any():
            return True
        digests = row[present].tobytes()
        header = self._hash.prepare(array_header("digests", [len(digests) // 16]))
        target[self._at] = np.frombuffer(self._hash.digest(header, digests), np.uint8)
        columns = np.packbits(present).tobytes()
        if (target[self._at] == kept[self._at]).all():
            self._ordered.add(columns)
        return columns in self._ordered
