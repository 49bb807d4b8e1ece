"""How two lists of files, or two manifests, differ. Lists are sorted, and are gone through side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.datasets.names import written
from reprokit.schema.dataset_reports import FieldChange, FileChanges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reprokit.datasets.entries import Entry
    from reprokit.schema.dataset import DatasetManifest

_NAMED = 1000
_UNCOMPARED = {"id", "made", "schema"}
_FILES = {"files", "file_list"}


def file_changes(
    first: Iterator[Entry], second: Iterator[Entry], equal: Callable[[Entry, Entry], object] = lambda _a, _b: None
) -> FileChanges:
    """Compares two sorted lists by path, digest and size; both are read to their end. ``equal`` is told what agrees."""
    counts = {"equal": 0, "changed": 0, "added": 0, "removed": 0}
    named: dict[str, list[str]] = {"changed": [], "added": [], "removed": []}

    def note(kind: str, path: str) -> None:
        counts[kind] += 1
        if len(named[kind]) < _NAMED:
            named[kind].append(written(path))

    here, there = next(first, None), next(second, None)
    while here is not None or there is not None:
        if there is None or (here is not None and here.path < there.path):
            assert here is not None
            note("removed", here.path)
            here = next(first, None)
        elif here is None or there.path < here.path:
            note("added", there.path)
            there = next(second, None)
        else:
            if (here.digest, here.size) == (there.digest, there.size):
                counts["equal"] += 1
                equal(here, there)
            else:
                note("changed", here.path)
            here, there = next(first, None), next(second, None)
    return FileChanges(
        **counts, changed_paths=named["changed"], added_paths=named["added"], removed_paths=named["removed"]
    )


def field_changes(first: DatasetManifest, second: DatasetManifest) -> list[FieldChange]:
    """The fields that differ, but for the files, the id, and what varies between equal datasets."""
    here, there = first.to_json(), second.to_json()
    for plain in (here, there):
        for key in _UNCOMPARED:
            plain.pop(key, None)
        for key in _FILES:
            plain["snapshot"].pop(key, None)
    return list(_changes(here, there, ""))


def _changes(here: Any, there: Any, place: str) -> Iterator[FieldChange]:
    if isinstance(here, dict) and isinstance(there, dict):
        for key in sorted(here.keys() | there.keys()):
            yield from _changes(here.get(key), there.get(key), f"{place}.{key}" if place else key)
        return
    if isinstance(here, list) and isinstance(there, list):
        ours, theirs = _by_name(here), _by_name(there)
        if ours is not None and theirs is not None:
            if list(ours) != list(theirs) and sorted(ours) == sorted(theirs):
                yield FieldChange(field=f"{place} (order)", first=list(ours), second=list(theirs))
            for name in [*ours, *(one for one in theirs if one not in ours)]:
                yield from _changes(ours.get(name), theirs.get(name), f"{place}[{name}]")
            return
        if len(here) == len(there) and all(isinstance(one, dict) for one in (*here, *there)):
            for at, (one, other) in enumerate(zip(here, there, strict=True)):  # such as opt-out lists, and tables
                yield from _changes(one, other, f"{place}[{at}]")
            return
    if here != there:
        yield FieldChange(field=place, first=here, second=there)


def _by_name(items: list[Any]) -> dict[str, Any] | None:
    """Items by what they are called, where each has another name."""
    key = next((one for one in ("name", "path") if all(isinstance(item, dict) and one in item for item in items)), "")
    named = {str(item[key]): item for item in items} if key else {}
    return named if len(named) == len(items) else None
