"""A model that is a directory of files: whether they are together what one run left there.

Each file for itself may be what a run made, and all of them together what no run did: a shard of this week beside one
of last week. So what lies in the directory is compared with what runs wrote to that place, as it was after one of them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprokit.digest import sha256_bytes
from reprokit.lineage.rules.judging import makers_of
from reprokit.lineage.rules.wanting import name_of, wanting

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from reprokit.lineage.graph import Graph
    from reprokit.schema.release import ReleaseFinding

_NAMED = 10  # files that nobody made
_EMPTY = sha256_bytes(b"")
_FILE = "sha256:"


@dataclass(frozen=True)
class _Writes:
    """What one run wrote into the directory, and what it found there: digests by path in it."""

    run: str
    time: int
    files: dict[str, str]
    found: dict[str, str]


def of_folder(
    graph: Graph, folder: str, files: Mapping[str, str], foreign: Collection[str] = ()
) -> Iterator[ReleaseFinding]:
    """What is wrong with a directory beside what is wrong with each of its files.

    Args:
        graph: holds the runs that made the files, with all that they made.
        folder: its absolute path, which need not be the one that it was written to.
        files: digests (``sha256:HEX``) by path in it, of all its files. Empty ones are in no graph.
        foreign: models that came from elsewhere and need no run, by digest or by name.
    """
    writes = _writes(graph, _recorded_place(graph, folder, files))
    wrong, runs = _differences(writes, files)
    for path, expected in sorted(wrong.items()):
        is_now = f"is {files[path]}" if path in files else "is gone"
        message = f"{folder}/{path} {is_now}, and {name_of(graph, expected)} was {expected}"
        yield wanting(graph, "RPK174", expected, message)
    carried = {artifact for run in runs for artifact in graph.inputs[run]}
    others = {path: digest for path, digest in files.items() if path not in wrong and digest != _EMPTY}
    unmade = [
        (path, digest) for path, digest in sorted(others.items())
        if not {digest, path.rpartition("/")[2]} & set(foreign)
        and digest not in carried and not makers_of(graph, digest)
    ]  # fmt: skip
    for path, digest in unmade[:_NAMED]:
        code = "RPK170" if digest in graph.artifacts else "RPK179"
        yield wanting(graph, code, digest, f"no run is known that made {folder}/{path}")
    if len(unmade) > _NAMED:
        more = f"no run is known that made {len(unmade) - _NAMED} more files in {folder}"
        yield wanting(graph, "RPK179", unmade[_NAMED][1], more)


def _recorded_place(graph: Graph, folder: str, files: Mapping[str, str]) -> str:
    """Where most of the files were written to: this very directory, or the one that it is a copy of."""
    found: dict[str, set[str]] = defaultdict(set)
    paths = defaultdict(list)
    for path, digest in files.items():
        paths[digest].append(path)
    for _run, place, artifact in _places(graph, read=False):
        for path in paths.get(artifact, ()):
            if place.endswith("/" + path):
                found[place.removesuffix("/" + path)].add(path)
    return max(found, key=lambda place: (place == folder, len(found[place]), place), default=folder)


def _places(graph: Graph, *, read: bool) -> Iterator[tuple[str, str, str]]:
    """The files that runs read, or wrote: the run, the absolute path, the content."""
    for event in graph.lineage.events:
        run = graph.executions.get(event.execution)
        place = event.path[0] if event.path else None
        if event.is_input != read or run is None or not isinstance(place, str) or not event.artifact.startswith(_FILE):
            continue
        root = str(run.properties.get("root", ""))
        yield run.id, place if place.startswith("/") else f"{root}/{place}", event.artifact


def _writes(graph: Graph, place: str) -> list[_Writes]:
    """What was written into a directory, the earliest run first."""
    sides: list[dict[str, dict[str, str]]] = []
    for read in (False, True):
        side: dict[str, dict[str, str]] = defaultdict(dict)
        for run, path, artifact in _places(graph, read=read):
            if path.startswith(place.rstrip("/") + "/"):
                side[run][path.removeprefix(place.rstrip("/") + "/")] = artifact
        sides.append(side)
    written, found = sides
    writes = [_Writes(run, graph.executions[run].started, files, found[run]) for run, files in written.items()]
    return sorted(writes, key=lambda one: (one.time, one.run))


def _differences(writes: list[_Writes], files: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """How the directory differs from what one run left there, for the run from which it differs least, the last one.

    A later run may have changed some of the files and left the others, or found older ones that were brought back. What
    only an earlier one wrote may be gone: a removal is no event. Where nothing is as any run left it, all is compared
    with what the last one left.

    Returns:
        What each file was that is another one or gone, and the runs that wrote what there is.
    """
    best: tuple[dict[str, str], list[str]] = ({}, [])
    state: dict[str, str] = {}
    found = False
    for number, last in enumerate(writes):
        state |= last.found | last.files
        if not any(files.get(path) == digest for path, digest in last.files.items()) and (found or last != writes[-1]):
            continue
        wrong = {
            path: digest for path, digest in state.items()
            if files.get(path) != digest and (path in files or path in last.files)
        }  # fmt: skip
        if not found or len(wrong) <= len(best[0]):
            best, found = (wrong, [one.run for one in writes[: number + 1]]), True
    return best
