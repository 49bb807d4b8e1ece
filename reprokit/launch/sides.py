"""One side of a comparison: a bundle, a directory, or a replay that has just ended, in the same shape."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reprokit.bundle.names import unescape_name
from reprokit.capture.accesses import below
from reprokit.launch.texts import raw_of, text_of
from reprokit.launch.tracing import folder_of
from reprokit.trace.columns import Trace

if TYPE_CHECKING:
    from pathlib import Path

    from reprokit.bundle.reader import BundleReader
    from reprokit.schema.manifest import Manifest, Metric, TraceSummary


@dataclass(frozen=True)
class Stream:
    """One process of a run: its summary, its trace if it has one, what it printed."""

    summary: TraceSummary
    trace: Trace | None = None
    stdout: Path | None = None


@dataclass
class Side:
    """Everything that is compared of one run.

    Attributes:
        outputs: path relative to the project (absolute where it lies outside) -> file.
        streams: by name.
        metrics: those from a file name it in ``source`` as ``outputs`` does.
        stdout: all that the command printed.
        moved: the directories that stood for ``/`` while it ran, where it ran in a tree of its own.
    """

    exit_status: int | None = 0
    timed_out: bool = False
    duration_s: float = 0.0
    outputs: dict[str, Path] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)
    metrics: list[Metric] = field(default_factory=list)
    stdout: Path | None = None
    moved: tuple[str, ...] = ()


_NO_STEPS = {"files", "stdout", "metrics", "thread pools", "random", "numpy.random", "multiprocessing.util"}
_NO_STEPS_OF = {"seed", "apply", "read_back", "batch"}  # what else of an adapter may fail, named ``torch.seed``


def broken_observers(*sides: Side) -> tuple[str, ...]:
    """The frameworks whose observer switched itself off in one of several runs."""
    disabled = {name for side in sides for stream in side.streams.values() for name in stream.summary.disabled}
    return tuple(sorted(n for n in disabled - _NO_STEPS if n.rpartition(".")[2] not in _NO_STEPS_OF))


def output_key(path: str, root: str) -> str:
    """The name under which an output of two runs in different places is the same."""
    return os.path.relpath(path, root) if below(path, root) else path


def side_of_bundle(reader: BundleReader, manifest: Manifest, room: Path) -> Side:
    """A bundle as a side; its outputs and logs are extracted into ``room``."""
    side = Side(manifest.run.exit_status, duration_s=manifest.run.duration_s)
    root = raw_of(manifest.run.root)
    # Two runs in different directories name the same file differently; their metrics are paired by relative path.
    keys = {output.path: text_of(output_key(raw_of(output.path), root)) for output in manifest.outputs}
    side.metrics = [m.model_copy(update={"source": keys.get(m.source, m.source)}) for m in manifest.metrics]
    for number, output in enumerate(manifest.outputs):
        if output.member is None:
            continue
        path = raw_of(output.path)
        target = room / "outputs" / str(number) / os.path.basename(path)
        target.parent.mkdir(parents=True)
        reader.extract(unescape_name(output.member), target)
        side.outputs[output_key(path, root)] = target
    names = {member.path for member in reader.members}
    for summary in manifest.streams:
        folder = folder_of(summary.name)
        trace = None
        if f"trace/{folder}/index.json" in names:
            trace = Trace(_opener(reader, f"trace/{folder}"))
        side.streams[summary.name] = Stream(summary, trace, _log(reader, room, f"logs/{folder}.stdout.txt", names))
    side.stdout = _log(reader, room, "logs/stdout.txt", names)
    return side


def _opener(reader: BundleReader, folder: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    return lambda name: reader.open_member(f"{folder}/{name}")


def _log(reader: BundleReader, room: Path, name: str, names: set[str]) -> Path | None:
    if name not in names:
        return None
    target = room / name
    target.parent.mkdir(parents=True, exist_ok=True)
    reader.extract(name, target)
    return target
