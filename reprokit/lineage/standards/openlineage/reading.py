"""One OpenLineage event as a part of a lineage graph.

Parts are merged, and a merge is the same in any order and any number of times; so events may come late, twice and out
of order. A run that has failed stays failed, whatever comes after. No library is needed to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.lineage.merging import merge
from reprokit.lineage.standards.naming import milliseconds
from reprokit.schema.lineage import (
    Artifact,
    Association,
    Attribution,
    Context,
    Event,
    Execution,
    ExecutionState,
    Lineage,
    Parent,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATES: dict[str, ExecutionState] = {
    "START": "RUNNING", "RUNNING": "RUNNING", "COMPLETE": "COMPLETE", "FAIL": "FAILED", "ABORT": "CANCELED",
}  # fmt: skip
_TEXTS = {"documentation": "description", "errorMessage": "message", "processing_engine": "version"}


def lineage_of(event: dict[str, Any]) -> Lineage:
    """The part of a graph that one event tells.

    Raises:
        LookupError, TypeError, ValueError: it is no event of OpenLineage.
    """
    if "run" in event:
        return merge(_of_run(event))
    if "dataset" in event:
        return merge(_of_dataset(event["dataset"], [], "", milliseconds(event["eventTime"])))
    if "job" in event:  # a job event: inputs and outputs of a job that has not run
        return merge(
            part
            for name in ("inputs", "outputs")
            for dataset in event.get(name) or []
            for part in _of_dataset(dataset, [], "", 0)
        )
    raise ValueError("it has neither a run nor a dataset nor a job")


def _of_run(event: dict[str, Any]) -> Iterator[Lineage]:
    facets = event["run"].get("facets") or {}
    ours = facets.get("reprokit_run")
    time = milliseconds(event["eventTime"])
    if ours is not None:
        identifier = str(ours["id"])
        if ours.get("node"):
            yield Lineage(executions=[Execution.model_validate(ours["node"])])
        yield from _contexts(ours, "run", identifier)
    else:
        identifier = f"urn:uuid:{event['run']['runId']}"
        yield Lineage(executions=[_foreign_run(event, identifier, time)])
        yield from _parent(facets, identifier)
    for name, kind in (("inputs", "INPUT"), ("outputs", "OUTPUT")):
        for dataset in event.get(name) or []:
            yield from _of_dataset(dataset, [kind], identifier, time)


def _of_dataset(dataset: dict[str, Any], kinds: list[Any], run: str, time: int) -> Iterator[Lineage]:
    facets = dataset.get("facets") or {}
    ours = facets.get("reprokit_artifact")
    if ours is None:
        node = _foreign_dataset(dataset, facets)
        yield Lineage(artifacts=[node])
        yield Lineage(events=[Event(artifact=node.id, execution=run, type=kind, time=time) for kind in kinds])
        return
    identifier = str(ours["id"])
    if ours.get("node"):
        yield Lineage(artifacts=[Artifact.model_validate(ours["node"])])
    yield from _contexts(ours, "artifact", identifier)
    for told in ours.get("events") or [] if run else []:
        path = tuple(told["path"])
        yield Lineage(
            events=[Event(artifact=identifier, execution=run, type=told["type"], path=path, time=told["time"])]
        )


def _contexts(facet: dict[str, Any], kind: str, identifier: str) -> Iterator[Lineage]:
    for told in facet.get("contexts") or []:
        name = str(told["id"])
        if told.get("node"):
            yield Lineage(contexts=[Context.model_validate(told["node"])])
        yield Lineage(parents=[Parent(child=name, parent=above) for above in told.get("parents") or []])
        if told.get("own") and kind == "run":
            yield Lineage(associations=[Association(context=name, execution=identifier)])
        elif told.get("own"):
            yield Lineage(attributions=[Attribution(context=name, artifact=identifier)])


def _foreign_run(event: dict[str, Any], identifier: str, time: int) -> Execution:
    """A run that another producer told of; its job is its name."""
    job, facets = event["job"], event["run"].get("facets") or {}
    kind = str(event.get("eventType") or "")
    facts: dict[str, Any] = {"namespace": str(job["namespace"])}
    facts |= {field: str(facets[name][field]) for name, field in _TEXTS.items() if field in (facets.get(name) or {})}
    given = (facets.get("executionParameters") or {}).get("parameters") or []
    facts |= {f"parameter.{one['key']}": str(one.get("value", "")) for one in given}
    source = (job.get("facets") or {}).get("sourceCodeLocation") or {}
    facts |= {
        name: str(source[key]) for key, name in (("version", "git_commit"), ("repoUrl", "git_remote")) if key in source
    }
    state = _STATES.get(kind, "UNKNOWN")
    ended = time if state not in {"RUNNING", "UNKNOWN"} else 0
    return Execution(
        id=identifier, type="Run", name=str(job["name"]), properties=facts, state=state,
        started=time if kind == "START" else 0, ended=ended,
    )  # fmt: skip


def _foreign_dataset(dataset: dict[str, Any], facets: dict[str, Any]) -> Artifact:
    """A dataset that another producer told of: its version's digest where there is one, else its place."""
    namespace, name = str(dataset["namespace"]), str(dataset["name"])
    version = str((facets.get("version") or {}).get("datasetVersion") or "")
    place = f"{namespace.rstrip('/')}/{name.lstrip('/')}"
    identifier = version if version.startswith("sha256:") else f"{place}@{version}" if version else place
    facts: dict[str, Any] = {"namespace": namespace, **({"version": version} if version else {})}
    fields = (facets.get("schema") or {}).get("fields") or []
    facts |= {f"column.{one['name']}": str(one.get("type") or "") for one in fields}
    facts |= {field: str(facets[key][field]) for key, field in _TEXTS.items() if field in (facets.get(key) or {})}
    uri = str((facets.get("dataSource") or {}).get("uri") or "")
    return Artifact(id=identifier, type="Dataset", name=name, uri=uri, properties=facts)


def _parent(facets: dict[str, Any], identifier: str) -> Iterator[Lineage]:
    """The run that started this one is a context: MLMD has no runs in runs."""
    parent = facets.get("parent")
    if parent:
        job, run = parent["job"], str(parent["run"]["runId"])
        context = Context(id=f"urn:uuid:{run}", type="Run", name=str(job["name"]))
        yield Lineage(contexts=[context], associations=[Association(context=context.id, execution=identifier)])
