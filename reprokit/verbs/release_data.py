"""The datasets and the bundles of a chain as they are now, where they are at hand: all of it is digested again."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprokit.datasets.manifests import ManifestIndex, read_manifest
from reprokit.errors import CorruptBundleError, ReprokitError, UnverifiedError
from reprokit.launch.lineage_chain import at_hand, local_path
from reprokit.launch.lineage_manifests import manifest_files
from reprokit.launch.lineage_of_bundle import run_id
from reprokit.launch.lineage_parts import part_of_bundle
from reprokit.launch.opening import open_bundle
from reprokit.lineage.graph import Graph
from reprokit.lineage.rules import FileState
from reprokit.lineage.rules.chain import ancestors
from reprokit.lineage.rules.freshness import bundle_of
from reprokit.lineage.rules.integrity import MANIFEST
from reprokit.lineage.rules.judging import makers_of
from reprokit.schema.config import load_config
from reprokit.schema.lineage import Lineage
from reprokit.verbs.manifest_check import check
from reprokit.verbs.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from reprokit.schema.dataset import DatasetManifest
    from reprokit.schema.dataset_reports import FileChanges
    from reprokit.schema.lineage import Execution

_ELSEWHERE = ("sql", "object-store")  # only who has the password or the bucket can ask
_NAMED = 3


@dataclass(frozen=True)
class Datasets:
    """The datasets of a chain that are here.

    Attributes:
        states: what became of them, by the manifest's identifier.
        manifests: those that are whole, by their place.
    """

    states: dict[str, FileState]
    manifests: dict[Path, DatasetManifest]


def datasets_at_hand(
    wanted: Mapping[str, str], start: Path, progress: Callable[[str], None] = lambda _text: None
) -> Datasets:
    """Looks at the data of the project's manifests again; digests of files that did not change come from the cache.

    Args:
        wanted: the names of the manifests of a chain, by identifier.
        start: a directory of the project.
        progress: is told, in a few words, what happens.
    """
    found: dict[str, FileState] = {}
    intact: dict[Path, DatasetManifest] = {}
    damaged: list[tuple[Path, ReprokitError]] = []
    for path in manifest_files(load_config(start), start) if wanted else ():
        try:
            manifest = read_manifest(path)
        except ReprokitError as error:
            damaged.append((path, error))
            continue
        if manifest.id in wanted:
            intact[path] = manifest
        if manifest.id in wanted and manifest.snapshot.kind not in _ELSEWHERE:
            progress(f"digesting {path.name}")
            state = _state(path, manifest.id)
            if state is not None:
                found[manifest.id] = state
    whole = {manifest.id for manifest in intact.values()}
    missed = {identifier: name for identifier, name in wanted.items() if identifier not in whole}
    return Datasets(found | _damaged(damaged, missed), intact)


def unrelated_manifests(lineage: Lineage, manifests: Mapping[Path, DatasetManifest]) -> frozenset[tuple[str, str]]:
    """Runs and manifests that they are linked to and that hold none of the files that they used.

    `record` makes such a link where the manifest holds something that was read. A run of which no files are known, such
    as one that another system told of, can be compared with nothing.
    """
    graph = Graph(lineage)
    found = set()
    for place, manifest in manifests.items():
        for run in graph.users[manifest.id]:
            node = graph.executions.get(run)
            used = _read(graph, run) if node is not None and node.type == "Run" else []
            with contextlib.suppress(ReprokitError):  # a list of files that is damaged has been named
                if used and not ManifestIndex({place: manifest}).match(used)[0]:
                    found.add((run, manifest.id))
    return frozenset(found)


def _read(graph: Graph, run: str) -> list[tuple[str, str, int]]:
    """Path, digest and size of the files that a run used."""
    found = []
    for event in graph.lineage.events:
        node = graph.artifacts.get(event.artifact)
        if event.execution == run and event.is_input and node is not None and node.id.startswith("sha256:"):
            size = node.properties.get("size")
            if node.type != MANIFEST and isinstance(size, int):
                found.append(("/" + str(event.path[0] if event.path else node.name), node.id, size))
    return found


def _damaged(files: Collection[tuple[Path, ReprokitError]], missed: Mapping[str, str]) -> dict[str, FileState]:
    """Which manifests of a chain the project's unreadable ones may have been.

    One that claims the identifier of a manifest that is nowhere else, or bears its name, was that one. Of another one
    nobody can say which it was, so it may have been any that is missed.
    """
    found = {}
    for path, error in files:
        claimed, stem = _claimed(path), path.name.removesuffix(".manifest.json")
        certain = [claimed] if claimed in missed else [one for one, name in missed.items() if name and name == stem]
        said = f"{error.code}: {error.message}"
        for identifier in certain:
            found[identifier] = FileState(str(path), difference=f"the manifest itself was changed ({said})")
        for identifier in () if certain else missed:
            found.setdefault(identifier, FileState(str(path), problem=f"it may have been this manifest ({said})"))
    return found


def _state(path: Path, identifier: str) -> FileState | None:
    try:
        changes = check(path, rows=False).files
    except UnverifiedError as error:
        return FileState(str(path), problem=f"{error.code}: {error.message}")
    except CorruptBundleError as error:  # the list of files beside the manifest
        return FileState(str(path), difference=f"{error.code}: {error.message}")
    except ReprokitError:  # the data are not where they were
        return None
    return FileState(str(path), identifier, difference="" if changes.same else _said(changes))


def _said(changes: FileChanges) -> str:
    sides = (("changed", changes.changed, changes.changed_paths), ("added", changes.added, changes.added_paths),
             ("gone", changes.removed, changes.removed_paths))  # fmt: skip
    return "; ".join(
        f"{count} {word}: {', '.join(paths[:_NAMED])}{', …' if count > _NAMED else ''}"
        for word, count, paths in sides if count
    )  # fmt: skip


def _claimed(path: Path) -> str:
    """The identifier that a manifest claims which is not the one that it describes."""
    try:
        return str(json.loads(path.read_bytes())["id"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""


@dataclass(frozen=True)
class Bundles:
    """The bundles of a chain that are here.

    Attributes:
        states: what became of them, by their identifiers.
        words: what the whole ones say of their own runs.
    """

    states: dict[str, FileState]
    words: Lineage


def bundles_at_hand(
    lineage: Lineage, subjects: Collection[str], progress: Callable[[str], None] = lambda _text: None
) -> Bundles:
    """Checks the bundles of a chain again, where they still are in the place that they were recorded to.

    A whole bundle of another run in that place is no damage: who records again overwrites the one that was there. Then
    the bundle that is meant is not at hand.
    """
    graph = Graph(lineage)
    chain = {run for subject in subjects for maker in makers_of(graph, subject) for run in ancestors(graph, maker)}
    found: dict[str, FileState] = {}
    words: list[Execution] = []
    for identifier in sorted({bundle for run in chain if (bundle := bundle_of(graph, run))} - {*subjects}):
        node = graph.artifacts.get(identifier)
        path = local_path(node.uri) if node is not None else None
        if path is None or not at_hand(path):
            continue
        progress(f"checking {path.name}")
        try:
            if verify(path).id == identifier:
                found[identifier] = FileState(str(path), identifier)
                words += _own_run(path, chain)
        except CorruptBundleError as error:
            found[identifier] = FileState(str(path), difference=f"{error.code}: {error.message}")
        except ReprokitError as error:
            found[identifier] = FileState(str(path), problem=f"{error.code}: {error.message}")
    return Bundles(found, Lineage(executions=words))


def _own_run(path: Path, chain: Collection[str]) -> list[Execution]:
    """The run of a bundle as the bundle has it: what a store says otherwise of it was changed there.

    Its links are left out: merged with those of the store, they would hide that one was cut there.
    """
    with open_bundle(path) as (reader, manifest, bundle_id):
        part = part_of_bundle(reader, manifest, bundle_id, path.stat().st_size)
        own = run_id(manifest, bundle_id)
    return [node for node in part.executions if node.id == own and own in chain]
