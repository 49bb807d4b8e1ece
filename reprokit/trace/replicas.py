"""Compares the copies of a model that several ranks hold, from the traces that each rank wrote for itself.

Pure functions. What only one of two ranks digested is not compared. Buffers differ by nature after a forward pass of
different batches, and generators should: only parameters, as they are right after an update, must be equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.trace.raw import CORE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reprokit.trace.columns import Part, Trace

_CHUNK = 1024
_FEW_STEPS = 2  # gradients that are equal in fewer steps may be so by chance
_SAME_BATCHES = "their gradients are equal in every step, but other batches were not seen on them"
_SEVERAL = "they trained in several processes, and which of these belong together is not known"


@dataclass(frozen=True)
class Copy:
    """One rank's copy of a model, or a part of it.

    Attributes:
        rank: of the process.
        group: the ranks that hold copies.
        number: which of the models that these ranks share, from 0.
        grade: why the copies may differ; empty when they must not.
        columns: place in the model -> key of the column, and its name.
        trace: of the process.
    """

    rank: int
    group: tuple[int, ...]
    number: int
    grade: str
    columns: Mapping[str, tuple[str, str]]
    trace: Trace = field(repr=False, compare=False)


@dataclass(frozen=True)
class Unequal:
    """Where two copies part first, or (``step`` 0) why they were not compared.

    ``after_step`` is the last step at which they were seen to be equal, 0 for none. ``averaged`` says that nothing
    declared them copies: their gradients were equal in every step.
    """

    rank: int
    reference: int
    step: int
    after_step: int = 0
    tensors: tuple[str, ...] = ()
    grade: str = ""
    before_forward: bool = False
    averaged: bool = False


def unequal_copies(copies: Iterable[Copy]) -> list[Unequal]:
    """Compares the copies of each model with that of its lowest rank; the first difference of each rank is returned."""

    def identity(copy: Copy) -> tuple[Any, ...]:
        return copy.group, copy.number, copy.grade

    found = []
    for _, same in groupby(sorted(copies, key=lambda c: (identity(c), c.rank)), identity):
        by_rank = {rank: _by_process(own) for rank, own in groupby(same, lambda c: c.rank)}
        reference, *others = by_rank
        for rank in others:
            if len(by_rank[rank]) != len(by_rank[reference]):  # a launcher had started some ranks again
                found.append(Unequal(rank, reference, 0, grade=_SEVERAL))
                continue
            turns = zip(by_rank[reference], by_rank[rank], strict=True)
            pairs = [pair for a, b in turns for pair in zip(a, b, strict=False)]
            seen = [difference for a, b in pairs if (difference := _first_difference(a, b)) is not None]
            if seen:
                found.append(min(seen, key=lambda difference: difference.step))
    return found


def _by_process(copies: Iterable[Copy]) -> list[list[Copy]]:
    """The copies of one rank, by the process that had this rank, in the order in which the processes started."""
    found: dict[int, list[Copy]] = {}
    for copy in copies:
        found.setdefault(id(copy.trace), []).append(copy)
    return list(found.values())


def unequal_averaged(traces: Mapping[int, Trace]) -> list[Unequal]:
    """Finds copies that nothing declared: ranks whose gradients are equal in every step, and whose parameters are not.

    Gradients of different batches are equal, bit for bit, only after they have been averaged, and who averages them
    keeps copies of one model. Of equal batches they may be equal by themselves, where the loss is linear.
    """
    found: list[Unequal] = []
    if not traces:
        return found
    reference, *others = sorted(traces)
    for rank in others:
        a, b = traces[reference], traces[rank]
        if not _same_shape(a, b) or not _equal_gradients(a, b):
            continue
        columns = {column.key: (column.key, column.name) for column in a.parts["gradients"].columns}
        grade = "" if _different_batches(a, b) else _SAME_BATCHES
        pair = [Copy(r, (reference, rank), 0, grade, columns, trace) for r, trace in ((reference, a), (rank, b))]
        difference = _first_difference(*pair)
        if difference is not None and difference.step:
            found.append(Unequal(**{**difference.__dict__, "averaged": True}))
    return found


def _same_shape(a: Trace, b: Trace) -> bool:
    parts = [
        {column.key for part in ("gradients", "parameters") for column in trace.parts[part].columns}
        for trace in (a, b) if {"gradients", "parameters"} <= trace.parts.keys()
    ]  # fmt: skip
    return len(parts) == 2 and parts[0] == parts[1] and _comparable(a, b)


def _comparable(a: Trace, b: Trace) -> bool:
    return a.algorithm == b.algorithm and "light" not in (a.level, b.level)


def _equal_gradients(a: Trace, b: Trace) -> bool:
    parts = a.parts["gradients"], b.parts["gradients"]
    columns = [column.key for column in parts[0].columns]
    rows = _common_steps(*parts)
    if len(rows[0]) < _FEW_STEPS:
        return False
    first = None
    changes = False
    for left, right in _digests(parts, (columns, columns), rows):
        if (left != right).any():
            return False
        first = left[:1] if first is None else first
        changes = changes or bool((left != first).any())
    return changes


def _different_batches(a: Trace, b: Trace) -> bool:
    """Whether the models of two ranks were called with different inputs, in a step that both digested."""
    if "batch" not in a.parts or "batch" not in b.parts:
        return False
    parts = a.parts["batch"], b.parts["batch"]
    known = {column.key for column in parts[1].columns}
    keys = [column.key for column in parts[0].columns if column.key in known]
    rows = _common_steps(*parts)
    return bool(keys) and any((left != right).any() for left, right in _digests(parts, (keys, keys), rows))


def _common_steps(a: Part, b: Part) -> tuple[Any, Any]:
    """Indices of the rows of the updates that both digested."""
    keys, left, right = np.intersect1d(a.keys, b.keys, assume_unique=True, return_indices=True)
    updates = keys % 2 == 0
    return left[updates], right[updates]


def _digests(parts: tuple[Part, Part], keys: tuple[list[str], list[str]], rows: tuple[Any, Any]) -> Any:
    """Yields pairs of arrays (rows, columns, 16) of the given columns, a bounded number of rows at a time."""
    places = []
    for part, wanted in zip(parts, keys, strict=True):
        known = {column.key: index for index, column in enumerate(part.columns)}
        places.append([known[key] for key in wanted])
    for start in range(0, len(rows[0]), _CHUNK):
        pair = []
        for part, at, place in zip(parts, rows, places, strict=True):
            some = at[start : start + _CHUNK]
            pair.append(part.read(int(some[0]), int(some[-1]) + 1)[some - some[0]][:, place])
        yield pair


def _first_difference(a: Copy, b: Copy) -> Unequal | None:
    if not _comparable(a.trace, b.trace) or not all("parameters" in c.trace.parts for c in (a, b)):
        return Unequal(b.rank, a.rank, 0, grade="their digests cannot be compared")
    parts = a.trace.parts["parameters"], b.trace.parts["parameters"]
    held = [{column.key for column in part.columns} for part in parts]
    places = [p for p in a.columns if p in b.columns and a.columns[p][0] in held[0] and b.columns[p][0] in held[1]]
    keys = [a.columns[place][0] for place in places], [b.columns[place][0] for place in places]
    rows = _paired_rows(a.trace, b.trace, parts, keys)
    if rows is None:
        return Unequal(b.rank, a.rank, 0, grade="they trained in different ways, and not every step was digested")
    last, start = 0, 0
    for left, right in _digests(parts, keys, rows):
        differs = (left != right).any(axis=2) & left.any(axis=2) & right.any(axis=2)
        at = np.flatnonzero(differs.any(axis=1))
        steps = parts[1].keys[rows[1][start : start + len(left)]] // 2
        if at.size:
            last = int(steps[at[0] - 1]) if at[0] else last
            names = tuple(b.columns[places[i]][1] for i in np.flatnonzero(differs[at[0]]))
            step = int(steps[at[0]])
            return Unequal(b.rank, a.rank, step, last, names, a.grade, _before_forward(a, b, step, keys))
        last, start = int(steps[-1]), start + len(left)
    return None


def _paired_rows(a: Trace, b: Trace, parts: tuple[Part, Part], keys: tuple[list[str], list[str]]) -> Any:
    """The rows of the two ranks that stand for the same update of the model.

    Where every step was digested, the n-th update of the model on one rank is the n-th on the other, whatever else a
    rank trains beside it. Otherwise step stands for step, and both must train the same things.
    """
    if all((trace.updates["flags"] & CORE).all() for trace in (a, b)):
        found = [_own_rows(part, wanted) for part, wanted in zip(parts, keys, strict=True)]
        shortest = min(map(len, found))
        return found[0][:shortest], found[1][:shortest]
    if {c.key for c in parts[0].columns} == {c.key for c in parts[1].columns}:
        return _common_steps(*parts)
    return None


def _own_rows(part: Part, keys: list[str]) -> Any:
    """Indices of the updates in which one of these columns was digested."""
    updates = np.flatnonzero(part.keys % 2 == 0)
    if not len(updates) or not keys:
        return updates[:0]
    known = {column.key: index for index, column in enumerate(part.columns)}
    place = [known[key] for key in keys]
    there = []
    for start in range(0, len(part.keys), _CHUNK):
        rows = part.read(start, min(start + _CHUNK, len(part.keys)))
        there.append(rows[:, place].any(axis=(1, 2)))
    present = np.concatenate(there)
    return updates[present[updates]]


def _before_forward(a: Copy, b: Copy, step: int, keys: tuple[list[str], list[str]]) -> bool:
    """Whether the copies differed already when the step's first forward pass began."""
    found: list[Any] = []
    for copy, wanted in zip((a, b), keys, strict=True):
        part = copy.trace.parts.get("entry")
        at = np.flatnonzero(part.keys == 2 * step) if part is not None else None
        if part is None or at is None or not at.size:
            return False
        known = {column.key: index for index, column in enumerate(part.columns)}
        if not all(key in known for key in wanted):
            return False
        found.append(part.read(int(at[0]), int(at[0]) + 1)[0][[known[key] for key in wanted]])
    return bool((found[0] != found[1]).any())
