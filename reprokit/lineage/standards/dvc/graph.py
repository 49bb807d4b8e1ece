"""A DVC project as a graph: a stage is a run, its dependencies and outputs are files, directories and models."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.errors import UsageError
from reprokit.lineage.merging import normal
from reprokit.lineage.standards.dvc.content import Contents
from reprokit.lineage.standards.dvc.lock import Data, Stage, is_metric, lock_in, metric_patterns, tracked_in
from reprokit.lineage.standards.dvc.yaml_text import load
from reprokit.schema.base import canonical_json, plain_numbers
from reprokit.schema.lineage import Artifact, Association, Attribution, Context, Event, Execution, Lineage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.schema.lineage import EventType, Properties

_NAMESPACE = uuid.UUID("0b7c8c2e-3a3c-5a8f-9d0a-6f0f5f6f9a51")
_MODELS = frozenset({".pt", ".pth", ".safetensors", ".keras", ".h5", ".onnx", ".pkl", ".joblib", ".ckpt", ".npz"})
_MOST_FILES = 100_000
"""A directory with more files is one artifact, and its files are left out."""
_SKIPPED = frozenset({".git", ".dvc", "node_modules", ".venv", "__pycache__"})


def read(source: str) -> Lineage:
    """Reads a project's directory, or one of its ``dvc.lock``, ``dvc.yaml`` and ``.dvc`` files.

    Raises:
        UsageError: RPK184, there is no such project.
        CorruptBundleError: RPK181, RPK182 or RPK183, a file is broken, of another version, or too large.
    """
    path = Path(source).absolute()
    if path.is_file():
        files = [path.with_name("dvc.lock") if path.name == "dvc.yaml" else path]
    elif path.is_dir():
        files = sorted(_files(path))
    else:
        files = []
    if not files or not files[0].is_file():
        raise UsageError("RPK184", f"{source}: no dvc.lock and no .dvc file is there")
    project = _Project(root_of(files[0].parent))
    for file in files:
        if file.name == "dvc.lock":
            project.add_lock(file)
        else:
            project.add_tracked(file)
    return normal(Lineage.model_validate(project.parts))


def root_of(directory: Path) -> Path:
    """The directory of the project that ``directory`` is in: the nearest one with ``.dvc``, else itself."""
    return next((one for one in (directory, *directory.parents) if (one / ".dvc").is_dir()), directory)


def execution_id(name: str, stage: Stage) -> str:
    """A stage's run, known by what is locked: the same lock is the same run everywhere."""
    known = {
        "stage": name,
        **_jsonable(stage.model_dump(mode="json")),
        **({"files": stage.listed} if stage.listed else {}),
    }
    content = canonical_json(plain_numbers(known))
    return f"urn:uuid:{uuid.uuid5(_NAMESPACE, content.decode())}"


def _files(root: Path) -> Iterator[Path]:
    for directory, names, files in os.walk(root):
        names[:] = [name for name in names if name not in _SKIPPED]
        found = (name for name in files if name == "dvc.lock" or (name.endswith(".dvc") and name != ".dvc"))
        yield from (Path(directory, name) for name in found)


class _Project:
    def __init__(self, root: Path) -> None:
        self._contents = Contents(root)
        name = root.name or "/"
        self._context = Context(id=f"Pipeline:{name}", type="Pipeline", name=name)
        self._joined: set[tuple[str, str, EventType]] = set()
        self.parts: dict[str, list[Any]] = {
            "artifacts": [], "executions": [], "contexts": [self._context], "events": [], "attributions": [],
            "associations": [],
        }  # fmt: skip

    def add_lock(self, file: Path) -> None:
        """All stages of a lock file."""
        patterns = metric_patterns(file.with_name("dvc.yaml"))
        for name, stage in lock_in(file).stages.items():
            properties: Properties = {"command": stage.command, "dvc_stage": name}
            properties |= _parameters(stage)
            for out in stage.outs:
                if is_metric(out.path, name, patterns):
                    properties |= self._metrics(out, file.parent / out.path)
            run = Execution(id=execution_id(name, stage), type="Run", name=name, properties=properties)
            self.parts["executions"].append(run)
            self.parts["associations"].append(Association(context=self._context.id, execution=run.id))
            for data in stage.deps:
                self._add(data, file.parent, run.id, "INPUT")
            for data in stage.outs:
                self._add(data, file.parent, run.id, "OUTPUT")

    def add_tracked(self, file: Path) -> None:
        """What a ``.dvc`` file tracks: data that no stage made."""
        for data in tracked_in(file).outs:
            self._add(data, file.parent, None, "OUTPUT")

    def _add(self, data: Data, base: Path, run: str | None, kind: EventType) -> None:
        place = base / data.path
        node = self._artifact(data, place)
        for one in data.files if node is None else ():  # a directory in a remote that keeps versions has no digest
            part = Data(path=f"{data.path}/{one.relpath}", md5=one.md5, hash="md5", size=one.size, etag=one.etag)
            self._add(part, base, run, kind)
        if node is None:
            return
        self._join(node, run, kind, data.path)
        if not data.is_directory or not data.md5 or data.hash != "md5":
            return
        listed = self._contents.listed(data.md5, place) or {}
        for name, md5 in listed.items() if len(listed) <= _MOST_FILES else ():
            part = Data(path=f"{data.path}/{name}", md5=md5, hash="md5")
            inner = self._artifact(part, place / name)
            if inner is not None:
                self._join(inner, run, kind, part.path)

    def _join(self, node: Artifact, run: str | None, kind: EventType, path: str) -> None:
        self.parts["artifacts"].append(node)
        if node.type != "File":
            self.parts["attributions"].append(Attribution(context=self._context.id, artifact=node.id))
        used = (node.id, run, "INPUT") in self._joined
        if run is not None and not (used and kind == "OUTPUT"):  # a copy of what it read was not made by it
            self._joined.add((node.id, run, kind))
            self.parts["events"].append(Event(artifact=node.id, execution=run, type=kind, path=(path,)))

    def _artifact(self, data: Data, place: Path) -> Artifact | None:
        if data.digest is None:
            return None
        properties: Properties = {"digest": data.digest}
        uri = data.path if "://" in data.path else place.as_uri()  # what lies elsewhere is in no place here
        if data.is_directory:
            known = {"bytes": data.size, "files": data.nfiles}
            properties |= {key: value for key, value in known.items() if value is not None}
            return Artifact(id=data.digest, type="Directory", name=place.name, properties=properties, uri=uri)
        found = self._contents.sha256(data.md5, place) if data.md5 and data.hash == "md5" else None
        size = found[1] if found else data.size
        if size is not None:
            properties["size"] = size
        if size == 0:
            return None  # all empty files are one: it would join runs that have nothing to do with each other
        kind = "Model" if place.suffix.lower() in _MODELS else "File"
        node = found[0] if found else data.digest
        return Artifact(id=node, type=kind, name=place.name, properties=properties, uri=uri)

    def _metrics(self, out: Data, place: Path) -> Properties:
        """The numbers in the metrics file that the lock names."""
        found = self._contents.place(out.md5, place) if out.md5 else None
        if found is None or place.suffix not in {".json", ".yaml", ".yml"} or found.stat().st_size > 2**20:
            return {}
        try:
            values = json.loads(found.read_bytes()) if place.suffix == ".json" else load(found)
        except (ValueError, RecursionError):
            return {}
        return {f"metric.{name}": value for name, value in _numbers(values, "")}


def _parameters(stage: Stage) -> Properties:
    """What a stage was given; of two files that say otherwise of one key, the later one's bears the file's name."""
    found: Properties = {}
    for file, params in stage.params.items():
        for key, plain in params.items():
            name, value = f"parameter.{key}", _scalar(plain)
            found[name if found.get(name, value) == value else f"parameter.{file}:{key}"] = value
    return found


def _numbers(value: Any, name: str) -> Iterator[tuple[str, float | int]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, int | float) and not isinstance(value, bool) and name:
        yield name, value


def _scalar(value: Any) -> str | int | float | bool:
    return value if isinstance(value, str | int | float | bool) else json.dumps(_jsonable(value), sort_keys=True)


def _jsonable(value: Any) -> Any:
    """Parameters may hold what YAML has and JSON has not, such as dates."""
    return json.loads(json.dumps(value, default=str))
