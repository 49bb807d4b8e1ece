"""Writes a graph's runs to a tracking server, again and again without doubling anything."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from reprokit.lineage.merging import normal
from reprokit.lineage.standards.mlflow.connecting import all_pages, client_of, split
from reprokit.lineage.standards.mlflow.saying import (
    ARTIFACT,
    ENDED,
    EVENT,
    EXECUTION,
    EXECUTION_DIGEST,
    KIND,
    MEANT,
    STARTED,
    STATUSES,
    artifact_text,
    digest_of,
    event_text,
    experiment_of,
    is_model,
    joins,
    meant,
    metrics,
    output_tag,
    output_text,
    parameters,
    run_id_of,
    run_name,
    tags,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reprokit.schema.lineage import Artifact, Event, Execution, Lineage

_BATCH = 100  # datasets in one request
_LOGGED_BATCH = 50  # parameters or tags: of the longest ones, more would be over MLflow's million characters a request
_LONGEST_ID = 5000
_PLAIN = re.compile(r"[\w:./@+ -]{1,1000}", re.ASCII)
_VALUE = 500


def write(lineage: Lineage, target: str) -> list[str]:
    """Writes a graph.

    Args:
        lineage: the graph.
        target: a tracking URI, or the path of a SQLite file.

    Returns:
        The runs, as ``URI#RUN``.

    Raises:
        UnverifiedError: RPK168 or RPK185.
    """
    uri, _ = split(target)
    lineage = normal(lineage)
    written = []
    with client_of(uri) as client:
        runs: dict[str, str] = {}
        for execution in lineage.executions:
            if max(len(execution.id.encode()), len(execution.type.encode())) > _LONGEST_ID:
                continue
            run = run_of(client, execution, experiment_of(lineage, execution.id))
            describe(client, run, execution)
            runs[execution.id] = run.info.run_id
            written.append(f"{uri}#{run.info.run_id}")
        joins_of = [(runs[run.id], node, event) for run, node, event in joins(lineage) if run.id in runs]
        log_joins(client, joins_of)
        for execution in lineage.executions:
            if execution.id in runs:
                _end(client, runs[execution.id], execution)
    return written


def run_of(client: Any, execution: Execution, experiment: str) -> Any:
    """The run that an execution is there; it is made where there is none."""
    own = run_id_of(execution.id)
    found = _found(client, own) if own else None
    found = found or _tagged(client, execution.id)
    if found is not None:
        return found
    known = client.get_experiment_by_name(experiment)
    where = known.experiment_id if known is not None else client.create_experiment(experiment)
    command = str(execution.properties.get("command", "reprokit"))[:_VALUE]
    labels = {EXECUTION: execution.id, EXECUTION_DIGEST: _digest(execution.id), "mlflow.source.name": command}
    return client.create_run(where, start_time=execution.started or None, run_name=run_name(execution), tags=labels)


def _tagged(client: Any, execution: str) -> Any:
    """The run that bears our identifier as a tag, in whichever experiment it is.

    It is looked for by the identifier's digest, since filters have no way to write a quote; runs from before that tag
    by the identifier itself.
    """
    experiments = [one.experiment_id for one in all_pages(lambda token: client.search_experiments(page_token=token))]
    filters = [f"tags.`{EXECUTION_DIGEST}` = '{_digest(execution)}'"]
    if _PLAIN.fullmatch(execution):
        filters.append(f"tags.`{EXECUTION}` = '{execution}'")
    for at in range(0, len(experiments), _BATCH):
        for wanted in filters:
            for found in client.search_runs(experiments[at : at + _BATCH], wanted, max_results=1):
                return found
    return None


def _digest(identifier: str) -> str:
    return hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()


def _found(client: Any, run_id: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def describe(client: Any, run: Any, execution: Execution) -> None:
    """Logs parameters, metrics and tags that the run does not have yet; a parameter cannot be changed there."""
    from mlflow.entities import Metric, Param, RunTag

    own = {**tags(execution.properties), KIND: execution.type, STARTED: str(execution.started),
           ENDED: str(execution.ended)}  # fmt: skip
    commit = execution.properties.get("git_commit")
    if isinstance(commit, str) and commit:
        own["mlflow.source.git.commit"] = commit[:_VALUE]
    time = execution.ended or execution.started
    params = [Param(*one) for one in parameters(execution.properties).items() if one[0] not in run.data.params]
    numbers = [
        Metric(name, value, time, 0)
        for name, value in metrics(execution.properties).items()
        if run.data.metrics.get(name) != value
    ]
    labels = [RunTag(*one) for one in own.items()]
    for several, what in ((params, "params"), (numbers, "metrics"), (labels, "tags")):
        for at in range(0, len(several), _LOGGED_BATCH):
            client.log_batch(run.info.run_id, **{what: several[at : at + _LOGGED_BATCH]})


def log_joins(client: Any, several: Iterable[tuple[str, Artifact, Event]]) -> None:
    """Logs what runs used, as datasets, and what they made: models as logged models, the rest as tags."""
    used: dict[str, list[tuple[Artifact, Event]]] = {}
    for run_id, node, event in several:
        if event.is_input:
            used.setdefault(run_id, []).append((node, event))
        elif is_model(node, event):
            _log_model(client, run_id, node, event)
        else:
            client.set_tag(run_id, output_tag(node.id), output_text(node, event))
    for run_id, inputs in used.items():
        _log_datasets(client, run_id, inputs)


def _log_datasets(client: Any, run_id: str, used: list[tuple[Artifact, Event]]) -> None:
    """Logs those that the run does not have, and looks whether it has them then.

    In an experiment MLflow takes two datasets with one name and one digest for the same, and its digests are short. One
    that was taken for another is logged again under a name that nothing else has; the link to that other one cannot be
    taken back, and whoever reads it sees from its label that another was meant.
    """
    for by_itself in (False, True):
        known = _inputs_of(client, run_id)
        left = [(node, event) for node, event in used if node.id not in known]
        for at in range(0, len(left), _BATCH):
            several = [_dataset(node, event, by_itself=by_itself) for node, event in left[at : at + _BATCH]]
            client.log_inputs(run_id, several)
        if not left:
            return


def _inputs_of(client: Any, run_id: str) -> set[str]:
    """The artifacts that we have logged as inputs of a run."""
    inputs = client.get_run(run_id).inputs
    found = set()
    for one in inputs.dataset_inputs if inputs else []:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            if one.dataset.source_type == "reprokit":
                node = str(json.loads(one.dataset.source)["id"])
                found |= {node} if meant(one, node) else set()
    return found


def _dataset(node: Artifact, event: Event, *, by_itself: bool) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    name = node.name[:400] or "dataset"
    if by_itself:
        name += f" {_digest(node.id)}"
    made = Dataset(name=name, digest=digest_of(node.id), source_type="reprokit", source=artifact_text(node))
    context = next((str(step) for step in event.path), node.type)[:400] or "input"
    labels = [InputTag("mlflow.data.context", context), InputTag(EVENT, event_text(event)),
              InputTag(MEANT, node.id)]  # fmt: skip
    return DatasetInput(made, labels)


def _log_model(client: Any, run_id: str, node: Artifact, event: Event) -> None:
    from mlflow.entities import LoggedModelOutput

    run = client.get_run(run_id)
    outputs = run.outputs.model_outputs if run.outputs else []
    if any(client.get_logged_model(one.model_id).tags.get(MEANT) == node.id for one in outputs):
        return
    name = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in node.name)[:200] or "model"
    labels = {MEANT: node.id, ARTIFACT: artifact_text(node, 5000), EVENT: event_text(event)}
    model = client.create_logged_model(run.info.experiment_id, name=name, source_run_id=run_id, tags=labels)
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])
    client.finalize_logged_model(model.model_id, "READY")


def _end(client: Any, run_id: str, execution: Execution) -> None:
    status = STATUSES[execution.state]
    if client.get_run(run_id).info.status != status:
        client.update_run(run_id, status=status)
