"""Compares the outputs of two runs: groups of files that stand for one value first, then file by file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reprokit.compare.files import FileComparison, Options, compare_files, compare_groups, groups_in
from reprokit.launch.pairing import paired_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Unpaired:
    """An output that only one of two runs wrote; ``written`` says whether it was the other one."""

    written: bool
    note: str


def compare_outputs(
    recorded: Mapping[str, Path], other: Mapping[str, Path], options: Options
) -> Iterator[tuple[str, FileComparison | Unpaired]]:
    """Compares all outputs of two runs.

    Args:
        recorded: name -> file, of the reference.
        other: the same of the other run.
        options: what may be passed over.

    Yields:
        The name in the reference (in the other run, where only that wrote it), and the answer; sorted by name. Files
        that stand for one value together come as one, under the name that they share.
    """
    found: dict[str, FileComparison | Unpaired] = {}
    left, right = dict(recorded), dict(other)
    notes = _whole(found, left, right, options)
    renamed = paired_names(left.keys(), right.keys())
    for key in {*left, *right} - set(renamed.values()):
        a, b = left.get(key), right.get(renamed.get(key, key))
        if a is None or b is None:
            missing = "the other run did not write it" if b is None else "only the other run wrote it"
            found[key] = Unpaired(b is not None, _joined(missing, notes.get(key, "")))
            continue
        one = compare_files(a, b, key, options)
        named = f"this run named it {renamed[key]}: a name with a time or a random part" if key in renamed else ""
        found[key] = replace(one, note=_joined(one.note, notes.get(key, "") if not one.equal else "", named))
    yield from sorted(found.items())


def _whole(
    found: dict[str, FileComparison | Unpaired], left: dict[str, Path], right: dict[str, Path], options: Options
) -> dict[str, str]:
    """Compares the groups that both runs wrote, and takes their files away.

    Returns:
        For each file of a group that could not be read as one: why.
    """
    notes: dict[str, str] = {}
    ours, theirs = groups_in(left), groups_in(right)
    renamed = paired_names(ours.keys(), theirs.keys())
    for root, a in ours.items():
        b = theirs.get(renamed.get(root, root))
        if b is None or a.comparator.kind != b.comparator.kind:
            continue
        one, why = compare_groups(a, b, options)
        if one is None:
            notes |= dict.fromkeys(a.names | b.names, why)
            continue
        # A single file of the same name keeps its own line.
        key = root if root not in left and root not in right else f"{root} ({a.comparator.kind})"
        named = f"this run named it {renamed[root]}: a name with a time or a random part" if root in renamed else ""
        found[key] = replace(one, path=key, note=_joined(one.note, named))
        for name in a.names:
            del left[name]
        for name in b.names:
            del right[name]
    return notes


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))
