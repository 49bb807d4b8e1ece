"""Several files that stand for one value: SavedModel, checkpoints with an index, sharded and directory checkpoints.

Which files belong together is told by their names; a group is compared under the name of its directory (or of the
checkpoint). It is read as a whole or not at all: if a file of it is missing or damaged on either side, the caller
compares the files one by one, so that what is incomplete is never equal.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reprokit.compare.files.comparison import DAMAGED, not_established, same_bytes
from reprokit.compare.files.content import FileComparison, Options, shown
from reprokit.compare.files.content_difference import compare_contents
from reprokit.compare.files.limits import Budget
from reprokit.compare.files.registry import group_comparators
from reprokit.compare.files.relocation import Relocation, said_of
from reprokit.compare.files.source import Source, open_file
from reprokit.compare.files.unreadable import MissingReaderError, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reprokit.compare.files.registry import GroupComparator


@dataclass(frozen=True)
class Group:
    """Files of one side that stand for one value.

    Attributes:
        root: the directory or the stem that they share; the name under which they are compared.
        comparator: how they are read.
        files: name below the root -> file.
        names: the files' full names.
    """

    root: str
    comparator: GroupComparator
    files: Mapping[str, Path] = field(hash=False)
    names: frozenset[str] = field(hash=False)


def groups_in(outputs: Mapping[str, Path]) -> dict[str, Group]:
    """The groups among one side's outputs, by root; no file is in two.

    Args:
        outputs: name, with ``/`` between its parts, to file.
    """
    found: dict[str, Group] = {}
    left = dict(outputs)
    for comparator in group_comparators():
        for root, members in comparator.find(left.keys()).items():
            if root in found or not left.keys() >= set(members.values()):
                continue
            files = {name: left.pop(full) for name, full in members.items()}
            found[root] = Group(root, comparator, files, frozenset(members.values()))
    return found


def compare_groups(a: Group, b: Group, options: Options) -> tuple[FileComparison | None, str]:
    """Compares what two groups of one kind stand for.

    Returns:
        The comparison, and an empty text; or None, and why the files must be compared one by one.
    """
    kind = a.comparator.kind
    moved = Relocation(options.moved[0]), Relocation(options.moved[1])
    passed_over = _noise(a, b)
    note = f"RPK112: passed over: {', '.join(passed_over)}" if passed_over else ""
    if not _differing(a, b):
        return FileComparison(a.root, equal=True, same_schema=True, method=kind, differences=(), differing=0), ""
    try:
        first, second = (
            relocation.content(kind, functools.partial(group.comparator.read, _sources(group)), options)
            for relocation, group in zip(moved, (a, b), strict=True)
        )
        outcome = compare_contents(first, second, options)
    except MissingReaderError as error:
        return not_established(a.root, kind, error), ""
    except DAMAGED as error:
        why = error.message if isinstance(error, UnreadableError) else f"it is damaged ({type(error).__name__})"
        return None, f"RPK111: not compared as one {kind}: {shown(why)}"
    compared = FileComparison(
        path=a.root,
        equal=not outcome.differing,
        same_schema=outcome.same_schema,
        method=first.describe(outcome.rows),
        differences=tuple(outcome.differences),
        differing=outcome.differing,
        note="; ".join(filter(None, (note, said_of(*moved)))),
    )
    return compared, ""


def _sources(group: Group) -> dict[str, Source]:
    mapped = {name: open_file(path) for name, path in group.files.items()}
    # One budget for all: a thousand small files must not expand a thousand times.
    budget = Budget(sum(int(data.size) for data in mapped.values()))
    return {name: Source(name, data, budget, path=group.files[name]) for name, data in mapped.items()}


def _differing(a: Group, b: Group) -> set[str]:
    """The names of files that are not the same bytes on both sides."""
    alike = a.files.keys() & b.files.keys()
    unequal = {name for name in alike if not same_bytes(open_file(a.files[name]), open_file(b.files[name]))}
    return unequal | (a.files.keys() ^ b.files.keys())


def _noise(a: Group, b: Group) -> list[str]:
    """The files that the comparator does not read, where they differ."""
    noise = a.comparator.noise
    return sorted(noise & _differing(a, b)) if noise else []
