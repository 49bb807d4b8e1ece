"""The part of the lineage graph that a recorded run made: the run, what it used, what it left.

What the run read and wrote is known by content, so that the same file in two bundles is one artifact. Two things follow
from that. A file that a run left as it found it was not made by it, and has no output event. Empty files are all one
file, so they would join runs that have nothing to do with each other, and stay out.
"""

from __future__ import annotations

import os
import re
import shlex
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from reprokit.capture.dvc_files import dvc_projects, is_dvc_book
from reprokit.digest import sha256_bytes
from reprokit.launch.texts import raw_of
from reprokit.lineage.rules.sealing import sealed
from reprokit.schema.base import plain_numbers
from reprokit.schema.lineage import MAKER, Artifact, Association, Attribution, Context, Event, Execution, Lineage

if TYPE_CHECKING:
    from reprokit.schema.lineage import Properties, Scalar
    from reprokit.schema.manifest import InputFile, Manifest, OutputFile

MODEL_FORMATS: dict[str, str] = {
    ".pt": "torch.save", ".pth": "torch.save", ".ckpt": "checkpoint", ".safetensors": "safetensors",
    ".keras": "keras", ".h5": "hdf5", ".hdf5": "hdf5", ".onnx": "onnx", ".gguf": "gguf", ".ubj": "xgboost",
    ".tflite": "tflite", ".msgpack": "msgpack",
}  # fmt: skip
"""Endings of names that mean a model, whether a run wrote it or read it."""
AMBIGUOUS_FORMATS: dict[str, str] = {
    ".pkl": "pickle", ".pickle": "pickle", ".joblib": "joblib", ".bin": "binary", ".model": "model", ".npz": "npz",
}  # fmt: skip
"""Endings that mean a model in what a run wrote, where the rest of the name says so: tokens are ``.bin``, too."""
_MODEL_NAMES = re.compile(
    r"model|weight|checkpoint|ckpt|param|booster|estimator|classifier|regressor|pipeline|\bclf\b", re.IGNORECASE
)
_BOOKS = re.compile(r"(^|/)dvc\.lock$|\.manifest\.(json|files\.jsonl\.zst)$")
_DVC_BOOKS = re.compile(_BOOKS.pattern + r"|(^|/)\.gitignore$")
_NAMESPACE = uuid.UUID("6c0e9d57-6a0b-5d35-9d0e-6f1c6f5e3f0a")


def lineage_of(manifest: Manifest, bundle_id: str | None = None, size: int | None = None) -> Lineage:
    """The graph of one run, from its manifest alone.

    Args:
        manifest: what the bundle says.
        bundle_id: the bundle itself becomes an artifact; without it, the part that can lie inside the bundle.
        size: of the bundle's file, in bytes.
    """
    execution = _execution(manifest, bundle_id)
    started, ended = execution.started, execution.ended
    projects = dvc_projects(raw_of(entry.path) for entry in manifest.inputs)
    read = [
        entry for entry in manifest.inputs
        if entry.is_data and entry.size and not entry.listed and not is_dvc_book(raw_of(entry.path), projects)
    ]  # fmt: skip
    left = [entry for entry in manifest.outputs if entry.size and not is_dvc_book(raw_of(entry.path), projects)]
    used = {entry.sha256: entry for entry in read}
    made = {entry.sha256: entry for entry in left if entry.sha256 not in used}
    artifacts = [_used(entry) for entry in used.values()] + [_made(entry, execution) for entry in made.values()]
    events = [
        Event(artifact=entry.sha256, execution=execution.id, type="INPUT", path=_place(manifest, entry), time=started)
        for entry in read
    ] + [
        Event(artifact=entry.sha256, execution=execution.id, type="OUTPUT", path=_place(manifest, entry), time=ended)
        for entry in left if entry.sha256 in made
    ]  # fmt: skip
    if bundle_id is not None:
        properties: Properties = {} if size is None else {"size": size}
        name = f"{manifest.run.name}.repro.tar.zst"
        artifacts.append(Artifact(id=bundle_id, type="Bundle", name=name, properties=properties, created=ended))
        events.append(Event(artifact=bundle_id, execution=execution.id, type="OUTPUT", path=(name,), time=ended))
    context = _project(manifest)
    return sealed(
        Lineage(
            artifacts=artifacts, executions=[execution], contexts=[context], events=events,
            attributions=[
                Attribution(context=context.id, artifact=node.id) for node in artifacts if node.type != "File"
            ],
            associations=[Association(context=context.id, execution=execution.id)],
        )
    )  # fmt: skip


def own_words(carried: Lineage) -> Lineage:
    """What a bundle may say of the graph: how it was made, and not how its replays went.

    Replays and verdicts come from those who replay it. A bundle that carries some was made to look tested.
    """
    tests = {node.id for node in carried.executions if node.type == "Replay"}
    verdicts = {node.id for node in carried.artifacts if node.type == "Verdict"}
    return carried.model_copy(
        update={
            "artifacts": [node for node in carried.artifacts if node.id not in verdicts],
            "executions": [node for node in carried.executions if node.id not in tests],
            "events": [e for e in carried.events if e.execution not in tests and e.artifact not in verdicts],
            "attributions": [link for link in carried.attributions if link.artifact not in verdicts],
            "associations": [link for link in carried.associations if link.execution not in tests],
        }
    )


def run_id(manifest: Manifest, bundle_id: str | None) -> str:
    """What the run is called: by its own identifier, and by its bundle's where it is older than these.

    Raises:
        ValueError: there is neither.
    """
    own = getattr(manifest.run, "id", None)
    if own:
        return str(own)
    if bundle_id is None:
        raise ValueError("a run without an identifier of its own is known by its bundle")
    return f"urn:uuid:{uuid.uuid5(_NAMESPACE, bundle_id)}"


def milliseconds_of(date: str) -> int:
    """A date as a manifest has it, in milliseconds since the epoch."""
    return max(0, int(datetime.fromisoformat(date).timestamp() * 1000))


def file_uri(path: str) -> str:
    """``file:///…`` of an absolute path as a manifest has it."""
    return "file://" + quote(os.fsencode(raw_of(path)))


def _execution(manifest: Manifest, bundle_id: str | None) -> Execution:
    run = manifest.run
    started = milliseconds_of(run.started)
    return Execution(
        id=run_id(manifest, bundle_id),
        type="Run",
        name=run.name,
        state="FAILED" if run.exit_status or run.incomplete else "COMPLETE",
        started=started,
        ended=max(0, started + round(run.duration_s * 1000)),
        properties=_properties(manifest, bundle_id),
    )


def _properties(manifest: Manifest, bundle_id: str | None) -> Properties:
    run, git, box = manifest.run, manifest.git or {}, manifest.host.get("container") or {}
    seed = run.seed if run.seed is not None else run.policy_seed
    found: dict[str, Any] = {
        "command": shlex.join(run.command), "exit_status": run.exit_status, "policy": run.policy,
        "git_commit": git.get("commit"), "git_dirty": _dirty(manifest), "git_remote": git.get("remote"),
        "image_digest": box.get("image_digest"), "container": box.get("kind"), "seed": seed,
        "entropy": _entropy(manifest), "hash_seed": run.hash_seed, "code": _code_digest(manifest),
        "bundle": bundle_id, "reprokit": manifest.reprokit, "root": run.root,
    }  # fmt: skip
    found |= {f"parameter.{name}": _scalar(value) for name, value in run.params.items()}
    found |= {f"metric.{metric.name}": metric.value for metric in manifest.metrics}
    return {name: _scalar(value) for name, value in found.items() if value is not None}


def _dirty(manifest: Manifest) -> bool | None:
    """Whether the code that ran is not the commit's: tracked files differ, or the run read code that git lacks.

    What a pipeline itself writes between two stages is no code: DVC's lock, and dataset manifests, which are in the
    graph by their digest. Otherwise each stage but the first would be dirty. DVC adds its outputs to ``.gitignore``,
    too: that hides nothing where git was asked for each code file, which older bundles do not say.
    """
    git = manifest.git or {}
    if git.get("commit") is None:
        return None
    untracked = {os.path.join(str(git.get("top") or "/"), str(name)) for name in git.get("untracked") or ()}
    read = (entry.path for entry in manifest.inputs if entry.role == "code" and not entry.listed)
    modules = [module.get("dirty") for module in git.get("submodules") or () if module.get("checked_out")]
    if git.get("lacking") or True in modules or any(path in untracked for path in read):
        return True
    dirty: bool | None = git.get("dirty")
    if dirty and git.get("changed") and git.get("changed_complete"):
        books = _BOOKS if git.get("lacking") is None else _DVC_BOOKS
        dirty = not all(books.search(str(name)) for name in git["changed"])
    unsure = None in modules or git.get("lacking", ()) is None
    return None if unsure and dirty is False else dirty


def _entropy(manifest: Manifest) -> str | None:
    """What is known of the run's random numbers, beside a seed.

    ``recorded``: the random states were kept, so that a replay draws the same numbers. ``none``: every process was
    observed, and none imported a generator. Before the bundle is packed, nothing can be said.
    """
    if any(member.path.startswith("ambient/") for member in manifest.members):
        return "recorded"
    blind = any(notice.code in ("RPK041", "RPK042") for notice in manifest.warnings)
    return "none" if manifest.members and manifest.streams and not blind else None


def _code_digest(manifest: Manifest) -> str | None:
    """One digest of all code files: of the lines ``DIGEST  PATH``, sorted."""
    lines = sorted(f"{one.sha256}  {one.path}\n" for one in manifest.inputs if one.role == "code" and not one.listed)
    return sha256_bytes("".join(lines).encode()) if lines else None


def _scalar(value: Any) -> Scalar:
    """A value as JSON has it: no NaN, no integer beyond 2^53; what is no number and no text stands as text."""
    plain: Scalar = plain_numbers(value) if isinstance(value, str | int | float | bool) else repr(value)
    return plain


def _used(entry: InputFile) -> Artifact:
    return _file(entry, "data", _format(entry.path, written=False), 0)


def _made(entry: OutputFile, run: Execution) -> Artifact:
    found = _file(entry, "output", _format(entry.path, written=True), run.ended)
    return found.model_copy(update={"properties": {**found.properties, MAKER: run.id}})


def _file(entry: InputFile | OutputFile, role: str, kind: str | None, created: int) -> Artifact:
    properties: Properties = {"size": entry.size, **({"format": kind} if kind else {"role": role})}
    return Artifact(
        id=entry.sha256, type="Model" if kind else "File", name=os.path.basename(entry.path), properties=properties,
        uri=file_uri(entry.path), created=created,
    )  # fmt: skip


def _format(path: str, *, written: bool) -> str | None:
    """The format of a model, or None for what is none by its name."""
    stem, ending = os.path.splitext(os.path.basename(path))
    known = MODEL_FORMATS.get(ending.lower())
    if known is None and written and _MODEL_NAMES.search(stem):
        return AMBIGUOUS_FORMATS.get(ending.lower())
    return known


def _place(manifest: Manifest, entry: InputFile | OutputFile) -> tuple[str, ...]:
    """The file's path, from the project's root where it lies there."""
    root = manifest.run.root.rstrip("/") + "/"
    return (entry.path.removeprefix(root),)


def _project(manifest: Manifest) -> Context:
    remote = str((manifest.git or {}).get("remote") or "")
    name = os.path.basename(remote.removesuffix(".git")) or os.path.basename(manifest.run.root) or "/"
    return Context(id=f"Project:{name}", type="Project", name=name, properties={"git_remote": remote} if remote else {})
