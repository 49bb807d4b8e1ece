"""A manifest's part of the lineage graph: the dataset, the preprocessing that made it, and what that used."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from reprokit.schema.lineage import MAKER, Artifact, Event, Execution, Lineage

if TYPE_CHECKING:
    from reprokit.schema.dataset import DatasetManifest
    from reprokit.schema.lineage import Properties

_NAMESPACE = uuid.UUID("5f0c4f5e-2c0b-5d0e-9a55-5b8a3c1d7e11")


def manifest_artifact(manifest: DatasetManifest) -> Artifact:
    """The dataset as an artifact."""
    snapshot = manifest.snapshot
    properties: Properties = {"snapshot": snapshot.digest, "files": snapshot.file_count, "bytes": snapshot.bytes}
    if manifest.statistics.rows is not None:
        properties["rows"] = manifest.statistics.rows
    if manifest.terms.licence:
        properties["licence"] = manifest.terms.licence
    if manifest.version:
        properties["version"] = manifest.version
    return Artifact(id=manifest.id, type="DatasetManifest", name=manifest.name, properties=properties)


def lineage_of_manifest(manifest: DatasetManifest) -> Lineage:
    """The part of the graph that a manifest speaks of.

    The preprocessing's identifier follows from the manifest's, so that adding it twice adds nothing.
    """
    made, how = manifest_artifact(manifest), manifest.preprocessing
    lists = [
        Artifact(id=proof.list_digest, type="OptOutList", properties={"version": proof.version})
        for proof in manifest.filters.opt_out
        if proof.holds  # a list that was found not to be applied is none that made the dataset
    ]
    if not (how.upstream or lists or how.command):
        return Lineage(artifacts=[made])
    facts = {"command": how.command, "git_commit": how.git_commit, "git_dirty": how.git_dirty,
             "git_remote": how.git_remote, "image_digest": how.image_digest}  # fmt: skip
    properties: Properties = {name: value for name, value in facts.items() if value is not None}
    properties |= {f"parameter.{name}": _scalar(value) for name, value in how.parameters.items()}
    run = Execution(
        id=f"urn:uuid:{uuid.uuid5(_NAMESPACE, manifest.id)}", type="Preprocessing", name=manifest.name,
        properties=properties,
    )  # fmt: skip
    used = [Artifact(id=one.id, type="DatasetManifest", name=one.name) for one in how.upstream] + lists
    events = [Event(artifact=one.id, execution=run.id, type="INPUT") for one in used]
    events.append(Event(artifact=made.id, execution=run.id, type="OUTPUT"))
    made = made.model_copy(update={"properties": {**made.properties, MAKER: run.id}})
    return Lineage(artifacts=[made, *used], executions=[run], events=events)


def _scalar(value: object) -> str | int | float | bool:
    return value if isinstance(value, str | int | float | bool) else str(value)
