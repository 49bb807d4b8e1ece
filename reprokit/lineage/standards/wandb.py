"""Weights & Biases: the configuration, metrics and artifacts of an offline run, from its ``.wandb`` file.

Source: https://github.com/wandb/wandb/blob/main/wandb/proto/wandb_internal.proto
"""

from __future__ import annotations

import base64
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.digest import sha256_file
from reprokit.errors import CorruptBundleError, UsageError
from reprokit.lineage.merging import normal
from reprokit.lineage.standards.records import Fields, Records, inner, text, whole
from reprokit.schema.lineage import Artifact, Association, Context, Event, Execution, Lineage

if TYPE_CHECKING:
    from typing import TypeGuard

    from reprokit.schema.lineage import EventType

TITLE = "Weights & Biases (offline run)"
EXTRA = ""
LOSES = (
    "All but the last value of each metric, and what was not a number.",
    "Media, tables, console output, system statistics and alerts: they are in the run's directory.",
    "The content of artifacts that were used: an offline run names them and does not hold them.",
)
_MOST_BYTES = 256 * 2**20  # of a staged copy that is digested
_DEEPEST = 50
_LONGEST = 2**40  # seconds
_NAMESPACE = uuid.UUID("0f2d6d9e-2f39-5a3c-9a55-7d2f9f1f8a10")


def read(source: str) -> Lineage:
    """Reads a ``.wandb`` file, or those below a directory such as ``wandb/`` or ``wandb/offline-run-…``.

    Raises:
        UsageError: RPK184, there is no such file.
        CorruptBundleError: RPK181, it is broken; RPK183, a record in it is too large.
    """
    start = Path(source).absolute()
    files = (
        [start] if start.is_file() else sorted({path.resolve() for path in start.glob("**/*.wandb") if path.is_file()})
    )
    if not files:
        raise UsageError("RPK184", f"{source}: no offline run of W&B is there")
    parts: dict[str, list[Any]] = {}
    for path in files:
        try:
            for name, several in _Run(path).parts().items():
                parts.setdefault(name, []).extend(several)
        except RecursionError:
            raise CorruptBundleError("RPK183", f"{path}: a value is nested too deeply") from None
    return normal(Lineage.model_validate(parts))


class _Run:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._facts: dict[str, Any] = {"name": "", "project": "", "id": path.stem, "started": 0}
        self._config: dict[str, Any] = {}
        self._numbers: dict[str, Any] = {}
        self._properties: dict[str, Any] = {}
        self._joined: list[tuple[Artifact, EventType]] = []
        self._exit: int | None = None
        records = Records(path)
        for record in records.of_wandb():
            try:
                self._record(records.fields(record))
            except ValueError as error:
                raise records._broken(f"a record is no message: {error}") from None
        if records.cut:
            self._properties["truncated"] = True

    def _record(self, record: Fields) -> None:
        for run in inner(record, 17):
            self._run(run)
        for config in inner(record, 5):
            _update(self._config, config, removes=True)
        for number in (2, 3):  # history, then the summary, whose values the script may have set itself
            for changed in inner(record, number):
                _update(self._numbers, changed, removes=number == 3)
        for environment in inner(record, 26):
            names = {"command": 6, "python": 2, "host": 12}
            self._properties |= {
                name: text(environment, number) for name, number in names.items() if number in environment
            }
            for git in inner(environment, 9):
                self._git(git)
        for artifact in inner(record, 8):
            self._artifact(artifact)
        for used in inner(record, 25):
            node = Artifact(id=f"wandb:{text(used, 1)}", type=_kind(text(used, 2)), name=text(used, 3))
            self._joined.append((node, "INPUT"))
        for ended in inner(record, 18):
            self._exit = whole(ended, 1)

    def _run(self, run: Fields) -> None:
        self._facts |= {"id": text(run, 1) or self._facts["id"], "project": text(run, 3), "name": text(run, 8)}
        for config in inner(run, 4):
            _update(self._config, config, removes=True)
        for time in inner(run, 17):
            self._facts["started"] = max(0, min(whole(time, 1), 2**42)) * 1000 + max(0, whole(time, 2)) // 1_000_000
        for git in inner(run, 21):
            self._git(git)
        notes = {"notes": text(run, 9), "group": text(run, 6), "tags": ",".join(_texts(run, 10))}
        self._properties |= {name: value for name, value in notes.items() if value}

    def _git(self, git: Fields) -> None:
        known = {"git_remote": text(git, 1), "git_commit": text(git, 2)}
        self._properties |= {name: value for name, value in known.items() if value}

    def _artifact(self, record: Fields) -> None:
        """An artifact that the run logged: itself, and its files by content where they are still at hand."""
        name, digest = text(record, 5), text(record, 6)
        whole_node = Artifact(id=f"wandb-digest:{digest}", type=_kind(text(record, 4)), name=name,
                              properties={"digest": f"md5:{digest}"})  # fmt: skip
        self._joined.append((whole_node, "OUTPUT"))
        for manifest in inner(record, 12):
            for entry in inner(manifest, 4):
                node = _file(entry)
                if node is not None:
                    self._joined.append((node, "OUTPUT"))

    def parts(self) -> dict[str, list[Any]]:
        """The run's part of the graph."""
        facts = self._facts
        own = uuid.uuid5(_NAMESPACE, f"{facts['project']}/{facts['id']}").urn
        properties = {f"parameter.{name}": value for name, value in _flat(self._config)}
        properties |= {f"metric.{name}": value for name, value in _flat(self._numbers) if _is_metric(name, value)}
        state = "RUNNING" if self._exit is None else ("FAILED" if self._exit else "COMPLETE")
        if self._exit is not None:
            properties["exit_status"] = self._exit
        ended = self._ended(facts["started"])
        run = Execution.model_validate({
            "id": own, "type": "Run", "name": facts["name"] or facts["id"], "started": facts["started"], "ended": ended,
            "state": state, "properties": properties | self._properties | {"wandb_id": facts["id"]},
        })  # fmt: skip
        log = Artifact(id=sha256_file(self._path), type="File", name=self._path.name, uri=self._path.as_uri(),
                       properties={"size": self._path.stat().st_size, "role": "output"})  # fmt: skip
        joined = [*self._joined, (log, "OUTPUT")]
        contexts = [Context(id=f"Project:{facts['project']}", type="Project", name=facts["project"])]
        if not facts["project"]:
            contexts = []
        return {
            "executions": [run], "artifacts": [node for node, _ in joined], "contexts": contexts,
            "events": [Event(artifact=n.id, execution=own, type=kind, path=(n.name,)) for n, kind in joined],
            "associations": [Association(context=context.id, execution=own) for context in contexts],
        }  # fmt: skip

    def _ended(self, started: int) -> int:
        """When the last thing was logged; the seconds that the run took are whole ones in a summary."""
        elapsed, last = self._numbers.get("_runtime"), self._numbers.get("_timestamp")
        known = [started + int(elapsed * 1000)] if _is_number(elapsed) and 0 <= elapsed < _LONGEST else []
        known += [int(last * 1000)] if _is_number(last) and 0 <= last < _LONGEST else []
        return max(known, default=0)


def _file(entry: Fields) -> Artifact | None:
    """A file of an artifact: by its SHA-256 where the staged copy is still there and is the same, else by its MD5."""
    name, md5, size = text(entry, 1), text(entry, 2), whole(entry, 4)
    if not size or not md5:
        return None  # empty files are all one file, and would join runs that have nothing to do with each other
    import hashlib

    place = Path(text(entry, 6) or "/nowhere")
    try:
        content = (
            place.read_bytes() if size <= _MOST_BYTES and place.is_file() and place.stat().st_size == size else None
        )
    except (OSError, ValueError):
        content = None
    known = base64.b64encode(hashlib.md5(content or b"", usedforsecurity=False).digest()).decode() == md5
    node = f"sha256:{hashlib.sha256(content).hexdigest()}" if content is not None and known else f"md5-base64:{md5}"
    return Artifact(id=node, type="File", name=name, properties={"size": size})


def _kind(theirs: str) -> str:
    return {"model": "Model", "dataset": "Dataset"}.get(theirs, theirs.capitalize() or "Artifact")


def _texts(fields: Fields, number: int) -> list[str]:
    return [value.decode("utf-8", "replace") for value in fields.get(number, []) if isinstance(value, bytes)]


def _update(known: dict[str, Any], changed: Fields, *, removes: bool) -> None:
    """Applies a record of changes: each names a value by its key, or by the keys on the way to it."""
    for item in inner(changed, 1):
        keys = _texts(item, 2) or [text(item, 1)]
        try:
            value = json.loads(text(item, 16))
        except (ValueError, RecursionError):
            continue
        place = known
        for key in keys[:-1][:_DEEPEST]:
            if not isinstance(place.get(key), dict):
                place[key] = {}
            place = place[key]
        place[keys[-1]] = value
    for item in inner(changed, 2) if removes else ():
        known.pop((_texts(item, 2) or [text(item, 1)])[0], None)


def _flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """The values in a tree, with their paths; what is neither number, text nor truth value stands as JSON."""
    if isinstance(value, dict):
        found = []
        for key, one in value.items():
            if name or not str(key).startswith("_"):  # what W&B itself keeps
                found += _flat(one, f"{name}.{key}" if name else str(key))
        return found
    if isinstance(value, str | int | float | bool):
        return [(name, value)]
    return [(name, json.dumps(value, sort_keys=True))] if value is not None else []


def _is_metric(name: str, value: Any) -> bool:
    return bool(name) and _is_number(value)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
