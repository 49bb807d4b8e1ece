"""What a run's ranks say about each other: copies of a model that are not equal, another number of ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.schema.manifest import Notice
from reprokit.trace.columns import Trace
from reprokit.trace.replicas import Copy, unequal_averaged, unequal_copies

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from reprokit.launch.sides import Side, Stream
    from reprokit.observe.reading import ObservedProcess
    from reprokit.trace.align import Difference
    from reprokit.trace.replicas import Unequal

_NAMED = 3
FINDINGS = ("RPK115", "RPK116", "RPK125")
"""Codes of what is found in a run by itself, without another one to compare it with."""


def replica_notices(processes: Iterable[tuple[ObservedProcess, Path]]) -> list[Notice]:
    """A warning for each rank whose copy of a model differs from that of the lowest rank.

    Args:
        processes: those that trained, each with the directory of its trace.
    """
    copies, alone = [], {}
    for process, folder in processes:
        if process.rank is None:
            continue
        trace = Trace.at(folder)
        for ranks, number, grade, *columns in process.replicas:
            places = {columns[i]: (columns[i + 1], columns[i + 2]) for i in range(0, len(columns) - 2, 3)}
            group = tuple(int(rank) for rank in ranks.split(",") if rank)
            copies.append(Copy(process.rank, group, int(number), grade, places, trace))
        if not process.replicas and process.rank not in alone:
            alone[process.rank] = trace
    found = [*unequal_copies(copies), *unequal_averaged(alone)]
    return [_notice(one) for one in sorted(found, key=lambda one: (bool(one.grade), one.step, one.rank))]


def _notice(one: Unequal) -> Notice:
    pair = f"rank {one.rank} and rank {one.reference}"
    if not one.step:
        return Notice(code="RPK116", message=f"the copies of one model on {pair} were not compared: {one.grade}")
    names = ", ".join(one.tensors[:_NAMED]) + (
        f" and {len(one.tensors) - _NAMED} more tensors" if len(one.tensors) > _NAMED else ""
    )
    where = f"rank {one.rank} differs from rank {one.reference} from step {one.step} on, in {names}"
    if one.before_forward:
        where += f" (already before the forward pass of step {one.step})"
    elif one.after_step and one.after_step < one.step - 1:
        where += f" (equal after step {one.after_step}; those in between were not digested)"
    if one.grade:
        return Notice(code="RPK116", message=f"{where}: {one.grade}, so this may be meant")
    why = "their gradients are averaged" if one.averaged else "DistributedDataParallel keeps copies of one model there"
    return Notice(code="RPK115", message=f"{where}: {why}, so they should be equal")


def first_of(found: list[tuple[str, Stream, Difference]]) -> tuple[tuple[str, Stream, Difference], str]:
    """The stream that differs first, and in words how the others follow.

    Args:
        found: name, stream and first difference of each stream that differs; at least one.
    """

    def place(one: tuple[str, Stream, Difference]) -> tuple[int, int, int, str]:
        name, stream, difference = one
        rank = stream.summary.rank
        return difference.step, difference.order, 1 << 62 if rank is None else rank, name

    first, *others = sorted(found, key=place)
    said = []
    for name, _stream, difference in others:
        if difference.after_step + 1 < difference.step and difference.after_step < first[2].step:
            said.append(f"{name} differs at step {difference.step} and was not digested since step "
                        f"{difference.after_step}: which of them was first is not established")  # fmt: skip
        elif (difference.step, difference.order) == (first[2].step, first[2].order):
            said.append(f"so in {name}, in the same part of the same step")
        else:
            said.append(f"{name} follows at step {difference.step} ({difference.part})")
    return first, "; ".join([*said[:_NAMED], *([f"and {len(said) - _NAMED} more"] if len(said) > _NAMED else [])])


def changed_ranks(recorded: Side, other: Side) -> list[Notice]:
    """A warning where the two runs have another number of ranks."""
    counts = [
        len({s.summary.rank for s in side.streams.values() if s.summary.rank is not None and s.summary.steps})
        for side in (recorded, other)
    ]
    if counts[0] == counts[1] or not any(count > 1 for count in counts):
        return []
    return [Notice(code="RPK117", message=f"the record trained on {counts[0]} ranks, the other run on {counts[1]}")]
