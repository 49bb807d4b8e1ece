"""TensorBoard: the scalars and hyperparameters of a run's event files.

A directory with event files is a run. Its metrics are the last value of each scalar. The files themselves are what the
run made, known by their content, so that a recorded run that wrote them meets this one in the graph.
Source: https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto (event, summary, hparams)
"""

from __future__ import annotations

import os
import struct
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.digest import sha256_file
from reprokit.errors import UsageError
from reprokit.lineage.merging import normal
from reprokit.lineage.standards.records import Fields, Records, inner, real, text, whole
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage

if TYPE_CHECKING:
    from reprokit.schema.lineage import Scalar

TITLE = "TensorBoard event files"
EXTRA = ""
LOSES = (
    "All but the last value of each scalar.",
    "Images, audio, histograms, graphs and text: they are in the event files, which are named by digest.",
)
_NAMESPACE = uuid.UUID("5a4f2f2e-8f0b-5c0f-8c88-6f3b7d0c0f11")
_MARK = ".tfevents."
_HPARAMS = "_hparams_/session_start_info"


def read(source: str) -> Lineage:
    """Reads an event file, or all of them below a directory.

    Raises:
        UsageError: RPK184, there is no such file.
        CorruptBundleError: RPK181, a file is broken; RPK183, a record in it is too large.
    """
    files: dict[Path, list[Path]] = {}
    start = Path(source).absolute()
    if start.is_file():
        files[start.parent] = [start]
    for place, _, names in os.walk(start):
        found = sorted(Path(place, name) for name in names if _MARK in name)
        if found:
            files[Path(place)] = found
    if not files:
        raise UsageError("RPK184", f"{source}: no event file of TensorBoard is there")
    artifacts, executions, events = [], [], []
    for directory, several in files.items():
        run = _Run()
        for path in several:
            run.add(path)
        execution = run.execution(directory, several[0])
        executions.append(execution)
        for path in several:
            node = Artifact(
                id=sha256_file(path), type="File", name=path.name, uri=path.as_uri(),
                properties={"size": path.stat().st_size, "role": "output"},
            )  # fmt: skip
            artifacts.append(node)
            events.append(Event(artifact=node.id, execution=execution.id, type="OUTPUT", path=(path.name,)))
    return normal(Lineage(artifacts=artifacts, executions=executions, events=events))


class _Run:
    def __init__(self) -> None:
        self._last: dict[str, tuple[int, float]] = {}
        self._parameters: dict[str, Scalar] = {}
        self._times: list[float] = []
        self._first = b""
        self._cut = False

    def add(self, path: Path) -> None:
        """Adds a file's scalars; of two files, the later step counts."""
        records = Records(path)
        for record in records.of_tensorflow():
            self._first = self._first or record
            event = records.fields(record)
            self._times = [*self._times[:1], real(event, 1) or 0.0]
            try:
                for summary in inner(event, 5):
                    for value in inner(summary, 1):
                        self._value(value, whole(event, 2))
            except (ValueError, struct.error) as error:
                raise records._broken(f"a summary is no message: {error}") from None
        self._cut = self._cut or records.cut

    def _value(self, value: Fields, step: int) -> None:
        tag = text(value, 1)
        if tag == _HPARAMS:
            self._hyperparameters(value)
            return
        number = real(value, 2)
        if number is None:
            number = next((found for one in inner(value, 8) if (found := _number(one)) is not None), None)
        if number is not None and tag and step >= self._last.get(tag, (step, 0.0))[0]:
            self._last[tag] = (step, number)

    def _hyperparameters(self, value: Fields) -> None:
        for metadata in inner(value, 9):
            for plugin in inner(metadata, 1):
                for content in inner(plugin, 2):
                    for info in inner(content, 3):
                        for entry in inner(info, 1):
                            found = next((_plain(one) for one in inner(entry, 2)), None)
                            if found is not None:
                                self._parameters[text(entry, 1)] = found

    def execution(self, directory: Path, first: Path) -> Execution:
        """The run of a directory, known by its first event, which never changes."""
        own = uuid.uuid5(_NAMESPACE, f"{first.name}\n{self._first.hex()}")
        properties: dict[str, Any] = {f"metric.{tag}": value for tag, (_, value) in self._last.items()}
        properties |= {f"parameter.{name}": value for name, value in self._parameters.items()}
        if self._cut:
            properties["truncated"] = True
        started, ended = (self._times[0], self._times[-1]) if self._times else (0.0, 0.0)
        return Execution(
            id=own.urn, type="Run", name=directory.name, properties=properties, state="UNKNOWN",
            started=_milliseconds(started), ended=_milliseconds(ended),
        )  # fmt: skip


def _number(tensor: Fields) -> float | None:
    """The number in a tensor that holds one: 32 or 64 bits, in its content or in its list of values."""
    kinds = {1: "<f", 2: "<d", 3: "<i", 9: "<q"}
    kind = kinds.get(whole(tensor, 1))
    content = tensor.get(4, [b""])[-1]
    if kind and isinstance(content, bytes) and len(content) == struct.calcsize(kind):
        return float(struct.unpack(kind, content)[0])
    for number in (5, 6):
        value = real(tensor, number)
        if value is not None:
            return value
    return None


def _plain(value: Fields) -> Scalar | None:
    """A ``google.protobuf.Value`` that is a number, a text or a truth value."""
    if 2 in value:
        return real(value, 2)
    if 3 in value:
        return text(value, 3)
    return bool(whole(value, 4)) if 4 in value else None


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000) if 0 < seconds < 2**42 else 0
