"""What of a graph MLflow can say, and how. Pure: it decides, `writing` and `reading` do.

Lengths and letters are those of ``mlflow.utils.validation``.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from typing import TYPE_CHECKING, Any

from reprokit.lineage.merging import merge, normal
from reprokit.lineage.standards.files import text_of, value_of
from reprokit.schema.lineage import UNKNOWN, Artifact, Association, Context, Event, Execution, Lineage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.schema.lineage import ExecutionState, Properties, Scalar

MARK = "reprokit."
"""What the names of our tags begin with."""
ARTIFACT, EVENT, EXECUTION, OUTPUT = "reprokit.artifact", "reprokit.event", "reprokit.execution", "reprokit.output."
EXECUTION_DIGEST = "reprokit.execution_digest"
MEANT = "reprokit.id"
"""A dataset's or model's label: the artifact that it was logged for."""
KIND, ENDED, STARTED = "reprokit.type", "reprokit.ended", "reprokit.started"
TAKEN = frozenset({"artifact", "event", "execution", "execution_digest", "type", "ended", "started", "state", "bundle"})
DEFAULT_EXPERIMENT = "reprokit"
STATUSES: dict[ExecutionState, str] = {
    "NEW": "SCHEDULED", "RUNNING": "RUNNING", "UNKNOWN": "RUNNING", "COMPLETE": "FINISHED", "CACHED": "FINISHED",
    "FAILED": "FAILED", "CANCELED": "KILLED",
}  # fmt: skip
STATES: dict[str, ExecutionState] = {
    "SCHEDULED": "NEW", "RUNNING": "RUNNING", "FINISHED": "COMPLETE", "FAILED": "FAILED", "KILLED": "CANCELED",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9_\-. /]{1,200}")
_LONGEST_PARAMETER, _LONGEST_TAG, _LONGEST_EVENT, _LONGEST_SOURCE, _LONGEST_NAME = 6000, 5000, 500, 60_000, 400
_DIGEST_LENGTH = 36


def sayable_name(name: str) -> bool:
    """Whether MLflow takes this name of a parameter, metric or tag: its letters, and a path in its simplest form."""
    import posixpath

    plain = posixpath.normpath(name) == name and not name.startswith(("/", "..")) and name != "."
    return _NAME.fullmatch(name) is not None and plain and name == name.strip()


def parameters(properties: Properties) -> dict[str, str]:
    """Parameters as MLflow has them: text."""
    found = {name.removeprefix("parameter."): value for name, value in properties.items() if _is(name, "parameter.")}
    texts = {name: value if isinstance(value, str) else text_of(value) for name, value in found.items()}
    return {name: text for name, text in texts.items() if _fits(text, _LONGEST_PARAMETER)}


def metrics(properties: Properties) -> dict[str, float]:
    """Metrics that are numbers."""
    found = {name.removeprefix("metric."): value for name, value in properties.items() if _is(name, "metric.")}
    return {
        name: float(value)
        for name, value in found.items()
        if value == "NaN" or (isinstance(value, int | float) and not isinstance(value, bool))
    }


def tags(properties: Properties) -> dict[str, str]:
    """What is neither a parameter nor a metric, as tags."""
    found = {
        name: text_of(value)
        for name, value in properties.items()
        if not name.startswith(("parameter.", "metric.", "output.")) and sayable_name(name) and name not in TAKEN
    }
    return {MARK + name: text for name, text in found.items() if _fits(text, _LONGEST_TAG)}


def _fits(text: str, longest: int) -> bool:
    return bool(text) and len(text.encode()) <= longest


def _is(name: str, kind: str) -> bool:
    return name.startswith(kind) and sayable_name(name.removeprefix(kind))


def properties_of(params: dict[str, str], numbers: dict[str, float], own: dict[str, str]) -> dict[str, Scalar]:
    """The properties that `parameters`, `metrics` and `tags` came from."""
    found: dict[str, Scalar] = {f"parameter.{name}": value_of(text) for name, text in params.items()}
    found |= {f"metric.{name}": value for name, value in numbers.items()}
    named = {name.removeprefix(MARK): text for name, text in own.items() if name.startswith(MARK)}
    return found | {
        name: value_of(text) for name, text in named.items() if name not in TAKEN and not name.startswith("output.")
    }


def run_id_of(execution: str) -> str | None:
    """MLflow's identifier of a run, where ours is made of a UUID."""
    try:
        return uuid.UUID(execution).hex if execution.startswith("urn:uuid:") else None
    except ValueError:
        return None


def execution_of(run_id: str) -> str:
    """Our identifier of MLflow's run."""
    try:
        return uuid.UUID(hex=run_id).urn
    except ValueError:
        return f"mlflow:{run_id}"


def digest_of(artifact: str) -> str:
    """An artifact's digest in the 36 characters that MLflow gives it; the whole identifier stands in the source."""
    digits = artifact.removeprefix("sha256:")
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        digits = hashlib.sha256(artifact.encode()).hexdigest()
    return digits[:_DIGEST_LENGTH]


def artifact_text(node: Artifact, longest: int = _LONGEST_SOURCE) -> str:
    """An artifact as JSON; without its properties where it is too long with them, and then without its location."""
    updates: tuple[dict[str, Any], ...] = ({}, {"properties": {}}, {"properties": {}, "uri": "", "name": ""})
    for update in updates:
        text = json.dumps(node.model_copy(update=update).model_dump(mode="json"), sort_keys=True)
        if len(text.encode()) <= longest:
            return text
    raise ValueError("an identifier that long is none")


def output_tag(artifact: str) -> str:
    """The name of the tag that holds an output: by all of its identifier, whatever that begins with."""
    return OUTPUT + hashlib.sha256(artifact.encode("utf-8", "surrogatepass")).hexdigest()


def output_text(node: Artifact, event: Event) -> str:
    """An output that is no model, with its event, for a tag."""
    return json.dumps({"artifact": json.loads(artifact_text(node, _LONGEST_TAG - _LONGEST_EVENT)),
                       "event": json.loads(event_text(event))}, sort_keys=True)  # fmt: skip


def event_text(event: Event) -> str:
    """An event as JSON; without its path where it is too long with it."""
    for path in (list(event.path), []):
        text = json.dumps({"type": event.type, "time": event.time, "path": path}, sort_keys=True)
        if len(text.encode()) <= _LONGEST_EVENT:
            return text
    raise AssertionError


def event_of(text: str, artifact: str, execution: str) -> Event:
    """The event that `event_text` wrote."""
    return Event.model_validate({**json.loads(text), "artifact": artifact, "execution": execution})


def joins(lineage: Lineage) -> Iterator[tuple[Execution, Artifact, Event]]:
    """One event in and one out for each artifact and run; artifacts that nothing describes get a placeholder."""
    lineage = normal(lineage)
    artifacts = {node.id: node for node in lineage.artifacts}
    executions = {node.id: node for node in lineage.executions}
    seen: set[tuple[str, str, bool]] = set()
    for event in lineage.events:
        key = (event.artifact, event.execution, event.is_input)
        if event.execution in executions and key not in seen and len(event.artifact.encode()) <= _LONGEST_NAME:
            seen.add(key)
            node = artifacts.get(event.artifact) or Artifact(id=event.artifact, type=UNKNOWN, state="UNKNOWN")
            yield executions[event.execution], node, event


def meant(dataset_input: Any, artifact: str) -> bool:
    """Whether a run's link to a dataset was logged for the artifact that the dataset is.

    MLflow may have taken it for another that was there before: of the same name, with a digest that begins alike.
    """
    return all(label.value == artifact for label in dataset_input.tags if label.key == MEANT)


def is_model(node: Artifact, event: Event) -> bool:
    """Whether an output is logged as a model."""
    return node.type == "Model" and not event.is_input


def experiment_of(lineage: Lineage, execution: str) -> str:
    """The experiment that a run belongs to: the first of its experiments, pipelines, projects and other contexts."""
    contexts = {node.id: node for node in lineage.contexts}
    own = [contexts[link.context] for link in lineage.associations
           if link.execution == execution and link.context in contexts]  # fmt: skip
    order = {"Experiment": 0, "Pipeline": 1, "Project": 2}
    for node in sorted(own, key=lambda one: (order.get(one.type, 3), one.id)):
        name = node.name.strip()
        if name and name.isprintable() and len(name.encode()) <= _LONGEST_NAME and "/" not in name and "#" not in name:
            return name
    return DEFAULT_EXPERIMENT


def experiment_context(name: str) -> Context:
    """An experiment as a context."""
    return Context(id=f"Experiment:{name}", type="Experiment", name=name)


def carried(lineage: Lineage) -> Lineage:
    """What MLflow keeps of a graph."""
    lineage = normal(lineage)
    parts = []
    for run in lineage.executions:
        if len(run.id.encode()) > _LONGEST_TAG or len(run.type.encode()) > _LONGEST_TAG:
            continue
        context = experiment_context(experiment_of(lineage, run.id))
        link = Association(context=context.id, execution=run.id)
        parts.append(Lineage(executions=[_carried_run(run)], contexts=[context], associations=[link]))
    for run, node, event in joins(lineage):
        kept = event_of(event_text(event), node.id, run.id)
        text = artifact_text(node) if event.is_input or is_model(node, event) else output_text(node, event)
        body = json.loads(text)
        made = Artifact.model_validate(body.get("artifact", body))
        parts.append(Lineage(artifacts=[made], events=[kept]))
    return merge(parts)


def _carried_run(run: Execution) -> Execution:
    found = run.properties
    update: dict[str, Any] = {
        "properties": properties_of(parameters(found), metrics(found), tags(found)),
        "state": STATES[STATUSES[run.state]],
        "name": run_name(run),
    }
    return Execution.model_validate({**run.model_dump(), **update})


def run_name(run: Execution) -> str:
    """A run's name; MLflow makes one up for a run without."""
    name = run.name if run.name.strip() and len(run.name.encode()) <= 250 else run.id
    return name[:200]
