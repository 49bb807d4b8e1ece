"""Reads runs from a tracking server, ours and those of anyone."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from reprokit.errors import CorruptBundleError
from reprokit.lineage.merging import normal
from reprokit.lineage.standards.mlflow.connecting import all_pages, check_there, client_of, split
from reprokit.lineage.standards.mlflow.saying import (
    ARTIFACT,
    ENDED,
    EVENT,
    EXECUTION,
    KIND,
    MARK,
    OUTPUT,
    STARTED,
    STATES,
    event_of,
    execution_of,
    experiment_context,
    meant,
    properties_of,
)
from reprokit.schema.lineage import Artifact, Association, Event, Execution, Lineage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.schema.lineage import Properties

_MOST_BYTES = 256 * 2**20  # of an artifact that is fetched so that its digest is known
_MOST_FILES = 1000
_MODELS = (".pt", ".pth", ".safetensors", ".keras", ".h5", ".onnx", ".pkl", ".joblib", ".ckpt", ".npz")


def read(source: str) -> Lineage:
    """Reads all runs, or one.

    Args:
        source: a tracking URI or the path of a SQLite file; ``URI#RUN`` for one run, whose artifacts are then fetched
            and digested, up to 256 MiB each.

    Raises:
        UsageError: RPK184, there is no such run. UnverifiedError: RPK168 or RPK185.
        CorruptBundleError: RPK181, what reprokit's own tags hold is broken.
    """
    uri, wanted = split(source)
    check_there(uri)
    parts: dict[str, list[Any]] = {
        name: [] for name in ("artifacts", "executions", "contexts", "events", "associations")
    }
    with client_of(uri) as client:
        experiments = {
            one.experiment_id: one.name for one in all_pages(lambda t: client.search_experiments(page_token=t))
        }
        runs = [client.get_run(wanted)] if wanted else _runs(client, list(experiments))
        for run in runs:
            try:
                reader = _Run(client, run, uri)
                found = [*reader.inputs(), *reader.models(), *reader.outputs(), *(reader.files() if wanted else ())]
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                said = str(error).splitlines()[0]
                raise CorruptBundleError("RPK181", f"run {run.info.run_id} has a broken tag: {said}") from None
            context = experiment_context(experiments.get(run.info.experiment_id, run.info.experiment_id))
            parts["executions"].append(reader.execution)
            parts["contexts"].append(context)
            parts["associations"].append(Association(context=context.id, execution=reader.execution.id))
            parts["artifacts"] += [node for node, _ in found]
            parts["events"] += [event for _, event in found]
    return normal(Lineage.model_validate(parts))


def _runs(client: Any, experiments: list[str]) -> Iterator[Any]:
    for at in range(0, len(experiments), 100):
        some = experiments[at : at + 100]
        yield from all_pages(lambda token, some=some: client.search_runs(some, page_token=token))


class _Run:
    def __init__(self, client: Any, run: Any, uri: str) -> None:
        self._client, self._run, self._uri = client, run, uri
        self._tags = run.data.tags
        info = run.info
        self.execution = Execution(
            id=self._tags.get(EXECUTION) or execution_of(info.run_id),
            type=self._tags.get(KIND, "Run"),
            name=self._tags.get("mlflow.runName") or info.run_name or "",
            state=STATES.get(info.status, "UNKNOWN"),
            started=int(self._tags.get(STARTED, info.start_time or 0)),
            ended=int(self._tags.get(ENDED, info.end_time or 0)),
            properties=self._properties(),
        )

    def _properties(self) -> Properties:
        found = properties_of(self._run.data.params, self._run.data.metrics, self._tags)
        if KIND not in self._tags:  # not ours: what MLflow itself noticed
            theirs = {
                "git_commit": "mlflow.source.git.commit", "git_remote": "mlflow.source.git.repoURL",
                "command": "mlflow.source.name", "image_digest": "mlflow.docker.image.id",
            }  # fmt: skip
            found |= {name: self._tags[tag] for name, tag in theirs.items() if self._tags.get(tag)}
            found |= {
                f"tag.{name}": text for name, text in self._tags.items() if not name.startswith(("mlflow.", MARK))
            }
        return found

    def inputs(self) -> Iterator[tuple[Artifact, Event]]:
        """Datasets that the run used."""
        inputs = self._run.inputs.dataset_inputs if self._run.inputs else []
        for one in inputs:
            dataset, labels = one.dataset, {label.key: label.value for label in one.tags}
            if dataset.source_type == "reprokit" and EVENT in labels:
                node = Artifact.model_validate(json.loads(dataset.source))
                if meant(one, node.id):
                    yield node, event_of(labels[EVENT], node.id, self.execution.id)
                continue
            known = {"digest": dataset.digest, "source_type": dataset.source_type, "profile": dataset.profile or ""}
            node = Artifact(
                id=f"mlflow-digest:{dataset.name}:{dataset.digest}", type="Dataset", name=dataset.name,
                uri=_uri_in(dataset.source), properties={name: text[:5000] for name, text in known.items() if text},
            )  # fmt: skip
            context = labels.get("mlflow.data.context")
            path = (context,) if context else ()
            yield node, Event(artifact=node.id, execution=self.execution.id, type="INPUT", path=path)

    def models(self) -> Iterator[tuple[Artifact, Event]]:
        """Logged models that the run made, and those that it used."""
        made = self._run.outputs.model_outputs if self._run.outputs else []
        used = self._run.inputs.model_inputs if self._run.inputs else []
        for one in made:
            model = self._client.get_logged_model(one.model_id)
            if ARTIFACT in model.tags and EVENT in model.tags:
                node = Artifact.model_validate(json.loads(model.tags[ARTIFACT]))
                yield node, event_of(model.tags[EVENT], node.id, self.execution.id)
            else:
                yield self._model(model, "OUTPUT")
        for one in used:
            yield self._model(self._client.get_logged_model(one.model_id), "INPUT")

    def _model(self, model: Any, kind: Literal["INPUT", "OUTPUT"]) -> tuple[Artifact, Event]:
        """A logged model: the artifact that reprokit logged it for, or itself."""
        if ARTIFACT in model.tags:
            node = Artifact.model_validate(json.loads(model.tags[ARTIFACT]))
        else:
            node = Artifact(
                id=f"mlflow-model:{model.model_id}", type="Model", name=model.name, uri=model.artifact_location or "",
                created=model.creation_timestamp or 0,
                properties={f"parameter.{name}": text for name, text in (model.params or {}).items()},
            )  # fmt: skip
        return node, Event(artifact=node.id, execution=self.execution.id, type=kind, path=(model.name,))

    def outputs(self) -> Iterator[tuple[Artifact, Event]]:
        """What else the run made, as we wrote it."""
        for name, text in self._tags.items():
            if name.startswith(OUTPUT):
                both = json.loads(text)
                node = Artifact.model_validate(both["artifact"])
                yield node, event_of(json.dumps(both["event"]), node.id, self.execution.id)

    def files(self) -> Iterator[tuple[Artifact, Event]]:
        """Artifacts that were logged with the run, by their content where they are not too large."""
        for number, file in enumerate(_listed(self._client, self._run.info.run_id, "")):
            if number >= _MOST_FILES:
                return
            if not file.file_size:
                continue
            place = f"runs:/{self._run.info.run_id}/{file.path}"
            found = self._digest(file.path) if file.file_size <= _MOST_BYTES else None
            kind = "Model" if file.path.endswith(_MODELS) else "File"
            kind = "Bundle" if file.path.endswith(".repro.tar.zst") else kind
            if kind == "Bundle":  # is known by its identifier, which is not the digest of its file
                continue
            node = Artifact(
                id=found or place, type=kind, name=file.path.rpartition("/")[2], uri=place,
                properties={"size": file.file_size},
            )  # fmt: skip
            yield node, Event(artifact=node.id, execution=self.execution.id, type="OUTPUT", path=(file.path,))

    def _digest(self, path: str) -> str | None:
        with tempfile.TemporaryDirectory() as room, contextlib.suppress(OSError):
            local = Path(self._client.download_artifacts(self._run.info.run_id, path, room))
            with local.open("rb") as file:
                return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        return None


def _listed(client: Any, run_id: str, path: str) -> Iterator[Any]:
    for one in client.list_artifacts(run_id, path or None):
        if one.is_dir:
            yield from _listed(client, run_id, one.path)
        else:
            yield one


def _uri_in(source: str | None) -> str:
    """The location in a dataset's source, where it is a JSON object that has one."""
    with contextlib.suppress(ValueError, RecursionError, AttributeError, TypeError):
        body = json.loads(source or "")
        return str(cast("Any", body).get("uri") or body.get("url") or body.get("path") or "")
    return ""
