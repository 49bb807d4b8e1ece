"""The parts of the graph that a recording and a replay make, and how they reach the store.

A bundle carries `lineage.json`: its run, what that used and made, and the manifests that were known. It cannot name the
bundle itself, whose id depends on it; whoever reads it adds that.
"""

from __future__ import annotations

import os
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.launch.lineage_events import tell, troubles
from reprokit.launch.lineage_made import made_earlier
from reprokit.launch.lineage_manifests import covered_part, opt_out_lists
from reprokit.launch.lineage_of_bundle import file_uri, lineage_of, own_words, run_id
from reprokit.launch.lineage_places import pending_directory, store_place
from reprokit.launch.texts import text_of
from reprokit.lineage.merging import merge
from reprokit.lineage.rules.sealing import sealed
from reprokit.lineage.spool import leave
from reprokit.schema.config import load_config
from reprokit.schema.lineage import (
    Artifact,
    Association,
    Context,
    Event,
    Execution,
    Lineage,
    Parent,
)
from reprokit.schema.manifest import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.bundle.reader import BundleReader
    from reprokit.launch.lineage_listing import Listing
    from reprokit.schema.config import Config, LineageConfig
    from reprokit.schema.lineage import Properties
    from reprokit.schema.manifest import Manifest
    from reprokit.schema.verdict import Verdict

MEMBER = "lineage.json"
_LARGEST = 256 << 20  # bytes of a bundle's part of the graph that are read


def carried_part(manifest: Manifest, config: Config, listing: Listing) -> tuple[Lineage | None, list[Notice]]:
    """What a bundle carries of the graph: the run, its files, and what the project says of them.

    Args:
        manifest: of the bundle; its members need not be there yet.
        config: the project's settings, which say what the run belongs to.
        listing: the project's dataset manifests, in which the run's inputs have been looked up.

    Returns:
        The part, and warnings about the manifests; no part, and why, where it cannot be made: a recording is not lost
        for its place in the graph.
    """
    try:
        part = _with_models(lineage_of(manifest), config.lineage.models)
        covered, warnings = covered_part(
            manifest,
            part,
            listing,
            lambda digests: made_earlier(digests, config, Path.cwd()),
            opt_out_lists(config, Path.cwd()),
        )
        return sealed(merge([part, covered, _contexts(part, config.lineage)])), warnings
    except Exception as error:  # noqa: BLE001
        return None, [_unkept(error)]


def _with_models(part: Lineage, globs: Sequence[str]) -> Lineage:
    """The same part, in which the files that the project calls models are models."""

    def is_meant(event: Event) -> bool:
        place = str(event.path[0]) if event.path else ""
        return any(fnmatchcase(place, one) or fnmatchcase(os.path.basename(place), one) for one in globs)

    meant = {event.artifact for event in part.events if is_meant(event)}
    artifacts = [
        node.model_copy(update={"type": "Model"}) if node.id in meant and node.type == "File" else node
        for node in part.artifacts
    ]
    return part.model_copy(update={"artifacts": artifacts})


def _contexts(part: Lineage, config: LineageConfig) -> Lineage:
    """The pipeline and the experiment, in their project: two projects may have a pipeline of the same name."""
    run, project = part.executions[0].id, part.contexts[0]
    named = [("Pipeline", config.pipeline), ("Experiment", config.experiment)]
    contexts = [
        Context(id=f"{kind}:{project.name}/{name}", type=kind, name=name) for kind, name in named if name
    ]  # fmt: skip
    return Lineage(
        contexts=contexts,
        associations=[Association(context=context.id, execution=run) for context in contexts],
        parents=[Parent(child=context.id, parent=project.id) for context in contexts],
    )


def whole_part(manifest: Manifest, bundle_id: str, size: int, carried: Lineage | None) -> Lineage:
    """All that a bundle says of the graph, the bundle itself included.

    Args:
        manifest: of the bundle.
        bundle_id: ``sha256:HEX`` of it.
        size: of the bundle's file, in bytes.
        carried: what it carries; bundles from before there was a graph carry nothing.
    """
    return merge([lineage_of(manifest, bundle_id, size), *([own_words(carried)] if carried is not None else [])])


def with_place(part: Lineage, bundle_id: str, path: Path) -> Lineage:
    """The same part of the graph, which also says where its bundle was written."""
    place = file_uri(text_of(str(path.absolute())))
    artifacts = [node.model_copy(update={"uri": place}) if node.id == bundle_id else node for node in part.artifacts]
    return part.model_copy(update={"artifacts": artifacts})


def part_of_bundle(reader: BundleReader, manifest: Manifest, bundle_id: str, size: int) -> Lineage:
    """What an open bundle says of the graph.

    Raises:
        CorruptBundleError: RPK025 or RPK027, the part that it carries is newer or invalid.
    """
    carried = None
    member = next((one for one in reader.members if one.path == MEMBER), None)
    if member is not None:
        carried = Lineage.parse(reader.read(MEMBER, _LARGEST), f"{MEMBER} of the bundle")
    return whole_part(manifest, bundle_id, size, carried)


def replay_part(manifest: Manifest, verdict: Verdict, execution: Execution) -> Lineage:
    """A replay: it used the bundle and made the verdict.

    Args:
        manifest: of the bundle.
        verdict: what came of it; the artifact's id is the digest of its canonical JSON.
        execution: the replay's id and times; the rest is filled in here.
    """
    facts: Properties = {"tier": verdict.tier.value, "target": verdict.target.value, "met": verdict.met,
             "status": verdict.status.value}  # fmt: skip
    replay = execution.model_copy(update={
        "name": manifest.run.name,
        "properties": {"bundle": verdict.bundle, "policy": verdict.policy, "run": run_id(manifest, verdict.bundle),
                       "runs": len(verdict.runs), **facts},
    })  # fmt: skip
    made = Artifact(
        id=verdict.identity(), type="Verdict", name=f"{verdict.tier.value} of {manifest.run.name}",
        created=execution.ended, properties=facts | {"bundle": verdict.bundle},
    )  # fmt: skip
    events = [
        Event(artifact=verdict.bundle, execution=replay.id, type="INPUT", time=execution.started),
        Event(artifact=made.id, execution=replay.id, type="OUTPUT", time=execution.ended),
    ]
    return sealed(Lineage(artifacts=[made], executions=[replay], events=events))


def keep_replay(
    reader: BundleReader, manifest: Manifest, size: int, verdict: Verdict, run: Execution, *, wanted: bool | None
) -> list[Notice]:
    """Leaves a replay for the store, and what its bundle says of the graph.

    Args:
        reader: the bundle, open.
        manifest: its manifest.
        size: of its file, in bytes.
        verdict: what came of the replay.
        run: the replay as it began.
        wanted: whether; None leaves it to the settings of the project in the working directory.

    Returns:
        A warning where it could not be kept.
    """
    try:
        start = Path.cwd()
        config = load_config(start)
        if not (config.lineage.record if wanted is None else wanted):
            return []
        replay = run.model_copy(update={"state": "COMPLETE", "ended": max(run.started, int(time.time() * 1000))})
        part = part_of_bundle(reader, manifest, verdict.bundle, size)
        return hand_over(merge([part, replay_part(manifest, verdict, replay)]), config, start)
    except Exception as error:  # noqa: BLE001 - a verdict that took hours is not lost for its place in the graph
        return [_unkept(error)]


def hand_over(lineage: Lineage, config: Config, start: Path) -> list[Notice]:
    """Leaves a part of the graph for the store. The run's outcome never depends on it: a failure is a warning."""
    try:
        leave(pending_directory(store_place(config, start)), lineage)
        if config.lineage.openlineage:
            tell(lineage, config.lineage.openlineage)
            return troubles(config.lineage.openlineage)
    except Exception as error:  # noqa: BLE001 - a full disk; no home directory; settings that changed
        return [_unkept(error)]
    return []


def _unkept(error: Exception) -> Notice:
    return Notice(code="RPK191", message=text_of(f"this is not in the lineage graph: {error}"))
