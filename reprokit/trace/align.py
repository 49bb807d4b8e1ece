"""Aligns two traces by step and finds the first thing that differs, in execution order.

Pure functions over `Trace` objects. Only what both traces digested is compared; what was not is counted, so that
equality is claimed for what was seen and no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.trace.causes import CAUSES, classify
from reprokit.trace.columns import EXECUTION_ORDER
from reprokit.trace.idle import Unlike, unlike_generators
from reprokit.trace.raw import CORE, LOSS, OPAQUE, TURNS
from reprokit.trace.rooted import alike

if TYPE_CHECKING:
    from reprokit.trace.columns import Trace
    from reprokit.trace.rooted import Rows

_CHUNK = 4096


@dataclass(frozen=True)
class Difference:
    """The first differing step: ``step`` from 1; ``tensors`` by name, those of the first differing part.

    ``order`` says how early in its step the part stands: of two processes that differ in the same step, the one that
    differs earlier in it comes first (a reduction carries one rank's fault into all gradients).
    """

    step: int
    part: str
    tensors: tuple[str, ...]
    cause: str | None
    detail: str
    after_step: int
    recorded_loss: float | None = None
    replayed_loss: float | None = None
    order: int = 0


@dataclass
class Alignment:
    """What comparing two traces gave. ``gaps`` names what the record digested and the other side did not at all."""

    steps_recorded: int
    steps_replayed: int
    steps_compared: int = 0
    tensors_compared: int = 0
    not_compared: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    comparable: bool = True
    first: Difference | None = None

    @property
    def equal(self) -> bool:
        """Whether everything that both digested is equal, and both have the same number of steps."""
        return self.comparable and self.first is None and self.steps_recorded == self.steps_replayed


@dataclass
class _PartResult:
    """Per part: the first key that differs, which tensors differ there, and which keys were compared."""

    part: str
    key: int | None = None
    tensors: tuple[str, ...] = ()
    before_forward: bool = False
    one_sided: bool = False
    compared: Any = None
    pairs: int = 0


@dataclass(frozen=True)
class _Columns:
    """How the columns of two parts correspond: common ones by index, those of one side alone, other hashes."""

    left: list[int]
    right: list[int]
    only_left: list[int]
    only_right: list[int]
    incomparable: list[str]


def _match(recorded: Rows, replayed: Rows) -> _Columns:
    other = {column.key: index for index, column in enumerate(replayed.columns)}
    left, right, only_left, incomparable = [], [], [], []
    for index, column in enumerate(recorded.columns):
        at = other.pop(column.key, None)
        if at is None:
            only_left.append(index)
        elif column.dtype.partition(" ")[2] != replayed.columns[at].dtype.partition(" ")[2]:
            incomparable.append(column.name)  # digested on another kind of device
        else:
            left.append(index)
            right.append(at)
    return _Columns(left, right, only_left, sorted(other.values()), incomparable)


def _compare_part(recorded: Rows, replayed: Rows, unlike: Unlike | None = None) -> tuple[_PartResult, list[str]]:
    columns = _match(recorded, replayed)
    result = _PartResult(recorded.name)
    keys, at_a, at_b = np.intersect1d(recorded.keys, replayed.keys, assume_unique=True, return_indices=True)
    compared = []
    for start in range(0, len(keys), _CHUNK):
        a_rows, b_rows = at_a[start : start + _CHUNK], at_b[start : start + _CHUNK]
        a = recorded.read(int(a_rows[0]), int(a_rows[-1]) + 1)[a_rows - a_rows[0]]
        b = replayed.read(int(b_rows[0]), int(b_rows[-1]) + 1)[b_rows - b_rows[0]]
        differs = (a[:, columns.left] != b[:, columns.right]).any(axis=2)
        if unlike is not None:
            names = [recorded.columns[index].key for index in columns.left]
            differs &= ~unlike.untouched(names, a[:, columns.left], b[:, columns.right])
        # A row that both sides have, with a tensor that only one of them has, is a difference and not a gap.
        lone_a, lone_b = a[:, columns.only_left].any(axis=2), b[:, columns.only_right].any(axis=2)
        result.pairs += int((a[:, columns.left].any(axis=2)).sum())
        compared.append(keys[start : start + _CHUNK])
        rows = np.flatnonzero(differs.any(axis=1) | lone_a.any(axis=1) | lone_b.any(axis=1))
        if rows.size:
            at = rows[0]
            result.key = int(keys[start + at])
            named = [recorded.columns[columns.left[i]] for i in np.flatnonzero(differs[at])]
            result.one_sided = not named
            named += [recorded.columns[columns.only_left[i]] for i in np.flatnonzero(lone_a[at])]
            named += [replayed.columns[columns.only_right[i]] for i in np.flatnonzero(lone_b[at])]
            result.tensors = tuple(dict.fromkeys(column.name for column in named))
            result.before_forward = any(column.key.startswith("before forward/") for column in named)
            break
    result.compared = np.concatenate(compared) if compared else np.array([], dtype=np.int64)
    return result, columns.incomparable


def align(recorded: Trace, replayed: Trace, *, started_alike: bool = True) -> Alignment:
    """Compares two traces of the same process.

    Args:
        recorded: the reference.
        replayed: the other one.
        started_alike: the other run was given the recorded states of the generators. Where it was not, a generator's
            states count from the first draw of either run on, and one that neither drew from is named.
    """
    result = Alignment(recorded.count, replayed.count)
    if recorded.algorithm != replayed.algorithm and recorded.parts and replayed.parts:
        result.comparable = False
        result.not_compared.append(f"digests: {recorded.algorithm} and {replayed.algorithm}")
        return result
    results = []
    unlike: Unlike | None = None
    for name, part in recorded.parts.items():
        other = replayed.parts.get(name)
        if other is None:
            result.gaps.append(f"{name}: not in the replay")
            continue
        rows, others, unknown = alike(recorded, replayed, name)
        found, incomparable = _compare_part(rows, others)
        results.append(found)
        if name == "rng" and found.key is not None and not started_alike:
            unlike = unlike_generators(part, other)
        result.tensors_compared += found.pairs
        if incomparable:
            result.gaps.append(f"{name}: {len(incomparable)} tensors digested on another device")
        if unknown:
            result.gaps.append(f"{name}: {unknown} steps (levels {recorded.level} and {replayed.level})")
        if not len(found.compared) and len(part.keys):
            result.gaps.append(f"{name}: no step that both digested")
    result.not_compared += result.gaps
    result.not_compared += [f"{name}: not in the record" for name in replayed.parts if name not in recorded.parts]
    result.not_compared += dict.fromkeys((*_undigested(recorded), *_undigested(replayed)))
    seen = _fully_compared(results)
    result.steps_compared = int(recorded.covered[np.isin(recorded.updates["step"], seen // 2)].sum())
    result.first = _first(recorded, replayed, results, seen)
    if unlike is not None and unlike.states:
        _leave_out(unlike, (recorded, replayed), results, seen, result)
    return result


def _leave_out(
    unlike: Unlike, traces: tuple[Trace, Trace], results: list[_PartResult], seen: Any, result: Alignment
) -> None:
    """Looks for the first difference once more, without states that nothing has been drawn from since they were unlike.

    Before the traced steps they may have been drawn from. If initial parameters or the first batch differ, that may be
    why: it is, as far as one can tell, where the same generator is in use later, and is said to be possible otherwise.
    """
    parts = traces[0].parts["rng"], traces[1].parts["rng"]
    active, _ = _compare_part(*parts, unlike)
    again = [active if found.part == "rng" else found for found in results]
    start = min((found.key for found in again if found.key is not None), default=None)
    still = parts[0].keys[parts[0].keys < (active.key or 0)].max(initial=0)
    if start is not None and active.key is not None and still <= start:
        # States are read before a draw, so what one did in its step shows before the state that it left.
        active.key, active.before_forward = start, active.before_forward and start == active.key
    early = {found.part for found in again if start is not None and found.key == start and start // 2 == 1}
    names = ", ".join(sorted(unlike.idle))
    drawn = unlike.states.keys() - unlike.idle
    if drawn and (active.key is None or early & {"entry", "batch"}):
        return  # also where a draw shows only in a step that one of the traces left out
    first = result.first = _first(*traces, again, seen)
    if early & {"entry", "batch"} and first is not None and "rng" not in early:
        detail = (
            f"{first.detail}; the generators of {names} were in other states from the start on and are not drawn from "
            "in the traced steps: what was drawn from them before may be why"
        )
        result.first = replace(first, cause=first.cause and f"{first.cause}, or random draws before it", detail=detail)
    elif unlike.idle:
        result.not_compared.append(
            f"states of generators that differ and that neither run drew from in the traced steps: {names}"
        )


def _fully_compared(results: list[_PartResult]) -> Any:
    """Keys of the steps of which more than the loss was compared; of losses alone where there is nothing else."""
    more = [found.compared for found in results if found.part in ("parameters", "gradients")]
    found = more or [found.compared for found in results if found.part in ("batch", "loss", "entry")]
    return np.unique(np.concatenate(found)) if found else np.array([], dtype=np.int64)


def _undigested(trace: Trace) -> list[str]:
    """Says which steps the trace level or its budget left out."""
    flags = trace.updates["flags"]
    skipped = int(((flags & CORE) == 0).sum())
    said = []
    if skipped:
        said.append(f"{skipped} of {len(flags)} steps were not digested but for their loss (budget)")
    if "optimizer" in trace.parts and len(trace.parts["optimizer"].keys) < len(flags):
        said.append(f"optimizer state of {len(flags) - len(trace.parts['optimizer'].keys)} steps (level {trace.level})")
    at_entry = len(flags) - skipped - len(trace.parts["entry"].keys) if "entry" in trace.parts else 0
    if at_entry > 0:
        said.append(f"parameters at the beginning of {at_entry} digested steps (level {trace.level})")
    return said


def _first(recorded: Trace, replayed: Trace, results: list[_PartResult], seen: Any) -> Difference | None:
    differing = [found for found in results if found.key is not None]
    if not differing:
        return _lengths(recorded, replayed)
    key = min(found.key for found in differing if found.key is not None)
    here = {found.part: found for found in differing if found.key == key}
    cause: str | None
    step = key // 2
    before_it = recorded.updates["step"][recorded.updates["step"] < step]
    previous = int(before_it[-1]) if before_it.size else 0
    parts = {name: found.before_forward for name, found in here.items()}
    part, cause, detail = classify(parts, key, previous, _unseen(recorded, results, key))
    names = here[part].tensors
    if any((trace.updates["flags"] & TURNS).any() for trace in (recorded, replayed)):
        cause = f"order of threads, or {cause}"
        detail += "; several threads train side by side, and which of them makes an update first may be chance"
    if previous < step - 1:
        detail += f"; updates {previous + 1} to {step} ran in one go and are told apart no further"
    before = seen[seen < key - (key % 2)]
    last = int(before[-1] // 2) if before.size else 0
    if last < previous or (part == "loss" and 2 * step not in seen):
        # What stood between was not digested but for its loss: where the difference arose, and why, is not known.
        cause = None
        detail = (
            f"it arose after step {last}: the steps since then were digested in their losses only, so its cause is not "
            "established; record with --trace full to see it"
        )
    loss_a, loss_b = _loss(recorded, step), _loss(replayed, step)
    early = part == "rng" and here[part].before_forward
    order = 0 if early else EXECUTION_ORDER.index(part) if part in EXECUTION_ORDER else len(EXECUTION_ORDER)
    return Difference(step, _PART_NAMES.get(part, part), names, cause, detail, last, loss_a, loss_b, order)


_PART_NAMES = {"entry": "parameters"}


def _unseen(recorded: Trace, results: list[_PartResult], key: int) -> set[str]:
    """Parts of a compared step that could not be looked at, though they may be where it differs first.

    A compiled step of Keras shows no gradients; the budget, and the level ``light``, leave out the parameters at entry.
    """
    row = recorded.updates[recorded.updates["step"] == key // 2]
    if key % 2 or not len(row):
        return set()
    missing = set(CAUSES) - {found.part for found in results if key in found.compared}
    entry = {"entry"} if "entry" in recorded.parts or recorded.level == "light" else set()
    return missing & (set(CAUSES) - {"entry"} | entry if row["flags"][0] & OPAQUE else entry)


def _loss(trace: Trace, step: int) -> float | None:
    updates = trace.updates
    at = int(np.searchsorted(updates["step"], step))
    if at < len(updates) and updates["step"][at] == step and updates["flags"][at] & LOSS:
        return float(updates["loss"][at])
    return None


def _lengths(recorded: Trace, replayed: Trace) -> Difference | None:
    a, b = recorded.count, replayed.count
    if a == b:
        return None
    detail = f"the recorded run made {a} steps, the other one {b}"
    return Difference(min(a, b) + 1, "steps", (), "number of steps", detail, min(a, b))
