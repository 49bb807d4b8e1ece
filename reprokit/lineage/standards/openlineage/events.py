"""Events that tell a lineage graph."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from openlineage.client import event_v2
from openlineage.client.serde import Serde

from reprokit.lineage.standards.naming import PRODUCER, stamp
from reprokit.lineage.standards.openlineage import datasets, own, runs
from reprokit.schema.lineage import INPUTS, Artifact, Context, Event, Execution, Lineage

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDS = {
    "COMPLETE": event_v2.RunState.COMPLETE,
    "CACHED": event_v2.RunState.COMPLETE,
    "FAILED": event_v2.RunState.FAIL,
    "CANCELED": event_v2.RunState.ABORT,
}
_BEFORE = ("RUNNING", "NEW")


@dataclass
class Places:
    """A graph by what stands next to what.

    Attributes:
        artifacts: by identifier, those that are described.
        runs: by identifier, those that are described.
        contexts: by identifier, those that are described.
        groups: of a run or an artifact, its contexts.
        parents: of a context, those that it lies in.
        uses: of a run, its events.
        makers: of an artifact, the runs that made it.
    """

    artifacts: dict[str, Artifact]
    runs: dict[str, Execution]
    contexts: dict[str, Context]
    groups: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    parents: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    uses: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    makers: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def places_of(lineage: Lineage) -> Places:
    """The indexes of a graph."""
    places = Places(
        {node.id: node for node in lineage.artifacts},
        {node.id: node for node in lineage.executions},
        {node.id: node for node in lineage.contexts},
    )
    for held in lineage.attributions:
        places.groups["artifact", held.artifact].append(held.context)
    for link in lineage.associations:
        places.groups["run", link.execution].append(link.context)
    for inner in lineage.parents:
        places.parents[inner.child].append(inner.parent)
    for event in lineage.events:
        places.uses[event.execution].append(event)
        if not event.is_input:
            places.makers[event.artifact].append(event.execution)
    return places


def events_of(lineage: Lineage) -> list[Any]:
    """All events, those of datasets first, then those of runs in the order of their times."""
    places = places_of(lineage)
    return [*_dataset_events(places), *sorted(_run_events(places), key=lambda event: str(event.eventTime))]


def lines_of(lineage: Lineage) -> list[str]:
    """The JSON of what `events_of` gives, in less memory: the events of a large graph are gigabytes."""
    places = places_of(lineage)
    of_runs = sorted(((str(event.eventTime), line_of(event)) for event in _run_events(places)), key=lambda one: one[0])
    return [*map(line_of, _dataset_events(places)), *(line for _, line in of_runs)]


def _dataset_events(places: Places) -> Iterator[Any]:
    named = {*places.artifacts, *(node for kind, node in places.groups if kind == "artifact")}
    return (_of_dataset(artifact, places) for artifact in sorted(named))


def _run_events(places: Places) -> Iterator[Any]:
    known = {*places.runs, *places.uses, *(node for kind, node in places.groups if kind == "run")}
    return (event for run in sorted(known) for event in _of_run(run, places))


def line_of(event: Any) -> str:
    """An event's JSON in one line."""
    return str(Serde.to_json(event))


def run_id(identifier: str) -> str:
    """The UUID of a run: its own, or one that follows from its identifier."""
    if identifier.startswith("urn:uuid:"):
        try:
            found = str(uuid.UUID(identifier))
        except ValueError:
            found = ""
        if found and found == identifier.removeprefix("urn:uuid:"):
            return found
    return str(uuid.uuid5(uuid.NAMESPACE_URL, identifier))


def _of_run(identifier: str, places: Places) -> Iterator[Any]:
    run = places.runs.get(identifier)
    job = runs.job_of(run)
    end = _ENDS.get(run.state) if run is not None else None
    uses = places.uses[identifier]
    if end is not None and run is not None:
        begun = run.model_copy(update={"state": "RUNNING", "ended": 0, "properties": runs.at_start(run)})
        inputs = [event for event in uses if event.type in INPUTS]
        yield _run_event(event_v2.RunState.START, run.started, begun, identifier, job, inputs, places)
        yield _run_event(end, max(run.ended, run.started), run, identifier, job, uses, places)
        return
    only = event_v2.RunState.START if run is not None and run.state in _BEFORE else event_v2.RunState.OTHER
    yield _run_event(only, run.started if run else 0, run, identifier, job, uses, places)


def _run_event(
    kind: Any, time: int, run: Execution | None, identifier: str, job: Any, uses: list[Event], places: Places
) -> Any:
    facets = runs.facets_of(run, kind, _upstream(uses, places), _verdicts(uses, places)) if run else {}
    facets[own.RUN] = own.run_facet(identifier, run, _groups("run", identifier, places))
    return event_v2.RunEvent(
        eventType=kind, eventTime=stamp(time), producer=PRODUCER, job=job,
        run=event_v2.Run(runId=run_id(identifier), facets=facets),
        inputs=_datasets(uses, places, inputs=True), outputs=_datasets(uses, places, inputs=False),
    )  # fmt: skip


def _datasets(uses: list[Event], places: Places, *, inputs: bool) -> list[Any]:
    by_artifact: dict[str, list[Event]] = defaultdict(list)
    for event in uses:
        if event.is_input == inputs:
            by_artifact[event.artifact].append(event)
    made: list[Any] = []
    for artifact, events in by_artifact.items():
        node = places.artifacts.get(artifact)
        facets = datasets.facets_of(node) if node else {}
        facets[own.ARTIFACT] = own.artifact_facet(artifact, node, [], events)
        namespace, name = datasets.place_of(artifact, node)
        subset = datasets.subset_of(events, inputs=inputs)
        if inputs:
            made.append(event_v2.InputDataset(namespace=namespace, name=name, facets=facets, inputFacets=subset))
        else:
            made.append(event_v2.OutputDataset(namespace=namespace, name=name, facets=facets, outputFacets=subset))
    return made


def _of_dataset(identifier: str, places: Places) -> Any:
    node = places.artifacts.get(identifier)
    namespace, name = datasets.place_of(identifier, node)
    facets = datasets.facets_of(node) if node else {}
    facets[own.ARTIFACT] = own.artifact_facet(identifier, node, _groups("artifact", identifier, places), [])
    dataset = event_v2.StaticDataset(namespace=namespace, name=name, facets=facets)
    return event_v2.DatasetEvent(eventTime=stamp(node.created if node else 0), producer=PRODUCER, dataset=dataset)


def _groups(kind: str, identifier: str, places: Places) -> list[dict[str, Any]]:
    """The contexts of a node and what those lie in; ``own`` marks the node's own."""
    direct = places.groups.get((kind, identifier), [])
    reached = list(direct)
    for context in reached:
        reached += [above for above in places.parents.get(context, []) if above not in reached]
    return [own.context_of(name, places.contexts.get(name), places.parents.get(name, []), name in direct)
            for name in dict.fromkeys(reached)]  # fmt: skip


def _upstream(uses: list[Event], places: Places) -> list[tuple[str, Any]]:
    """The runs that made what a run used, with their jobs."""
    makers = {maker for event in uses if event.is_input for maker in places.makers.get(event.artifact, [])}
    own_runs = {event.execution for event in uses}
    return [(run_id(maker), runs.job_of(places.runs.get(maker))) for maker in sorted(makers - own_runs)]


def _verdicts(uses: list[Event], places: Places) -> list[Artifact]:
    made = [places.artifacts.get(event.artifact) for event in uses if not event.is_input]
    return [node for node in made if node is not None and node.type == "Verdict"]
