"""TensorBoard's event files: for each tag its steps and values.

When, where and by which process they were written is no content, nor how the tags are interleaved, nor how long what
Hugging Face's ``Trainer`` timed took (see `trainer_state`; the tags are made by ``rewrite_logs`` in
transformers/integrations/integration_utils.py).
Sources: tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto; PyTorch's and Lightning's writers
use the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.content import Leaf, Structure, Tensor, key_part
from reprokit.compare.files.protobuf import grouped, scalar
from reprokit.compare.files.protobuf_leaves import ProtobufLeaves, array_leaf, bytes_leaf
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.saved_model import SPECIAL, library_names, ranked
from reprokit.compare.files.tensorflow_protos import TABLES
from reprokit.compare.files.tensorflow_tensors import DTYPES, shape_of
from reprokit.compare.files.tfrecord import is_records, records
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Source

_STEP, _VERSION, _SUMMARY, _SOURCE = 2, 3, 5, 10
_SIMPLE, _TENSOR, _GRAPH = 2, 8, 4
_SPEED = re.compile(r"(?P<timed>(?:train|eval|test)/(?:\w+_)?)(?:runtime|(?:samples|steps|tokens)_per_second)")


@dataclass
class _Scalars:
    """The scalars of one tag and one element type, in order."""

    steps: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)


@dataclass
class _Reader:
    into: ProtobufLeaves
    scalars: dict[tuple[str, str], _Scalars] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def event(self, data: memoryview) -> None:
        """Adds one event."""
        fields = grouped(data)
        step = int(scalar("int", *fields[_STEP][-1])) if _STEP in fields else 0
        for form, summary in fields.get(_SUMMARY, []):
            for kind, value in grouped(summary).get(1, []) if form == 2 else []:
                if kind != 2:
                    raise UnreadableError("a value in it is no message")
                self._value(value, step)
        if fields.keys() - {1, _STEP, _SUMMARY, _SOURCE}:
            # The version of the format comes first in every file; a graph, a log message are content.
            name = "version" if _VERSION in fields else "graph" if _GRAPH in fields else "other"
            self._message(f"<{name}>", "Event", data)

    def _value(self, data: memoryview, step: int) -> None:
        fields = grouped(data)
        tag = bytes(fields[1][-1][1]).decode("utf-8", "surrogateescape") if _is_text(fields.get(1)) else ""
        if found := _number(fields):
            kept = self.scalars.setdefault((tag, found[0]), _Scalars())
            kept.steps.append(step)
            kept.values.append(found[1])
            if not kept.values[1:] and 9 in fields:  # what the plugin wants to know comes with the first value
                self.into.put(f"{key_part(tag)}/<metadata>", _metadata(fields[9]))
            return
        self._message(f"{key_part(tag)}/<step {step}>", "SummaryValue", data)

    def _message(self, path: str, name: str, data: memoryview) -> None:
        count = self.counts[path] = self.counts.get(path, 0) + 1
        self.into.add(path if count == 1 else f"{path[:-1]} again {count - 1}>", name, data)

    def leaves(self) -> dict[str, Leaf]:
        """All that was found: scalars as two arrays a tag."""
        tags = {tag for tag, _ in self.scalars}
        several = len(tags) != len(self.scalars)
        found: dict[str, Leaf] = {}
        for (tag, dtype), kept in sorted(self.scalars.items()):
            path = f"{key_part(tag)}/<{dtype}>" if several else key_part(tag)
            found[f"{path}/step"] = array_leaf(np.array(kept.steps, np.int64))
            if not _is_speed(tag, tags):
                found[f"{path}/value"] = array_leaf(np.array(kept.values, dtype))
        return found | dict(sorted(self.into.leaves.items()))


def _is_speed(tag: str, tags: set[str]) -> bool:
    """Whether a time or a speed; a runtime without a speed beside it is somebody else's."""
    found = _SPEED.fullmatch(tag)
    return found is not None and {f"{found['timed']}runtime", f"{found['timed']}samples_per_second"} <= tags


def _is_text(values: list[tuple[int, Any]] | None) -> bool:
    return bool(values) and values[-1][0] == 2  # type: ignore[index]


def _metadata(values: list[tuple[int, Any]]) -> Leaf:
    form, data = values[-1]
    if form != 2:
        raise UnreadableError("a value's metadata are no message")
    return bytes_leaf(bytes(data))


def _number(fields: dict[int, list[tuple[int, Any]]]) -> tuple[str, Any] | None:
    """The element type and value of a scalar: a simple value, or a tensor without axes; None for another value."""
    if fields.keys() <= {1, _SIMPLE, 7, 9} and _SIMPLE in fields:
        form, data = fields[_SIMPLE][-1]
        if form != 5:
            raise UnreadableError("a simple value in it is no float")
        return "float32", np.frombuffer(data, "<f4")[0]
    if not fields.keys() <= {1, _TENSOR, 7, 9} or _TENSOR not in fields or fields[_TENSOR][-1][0] != 2:
        return None
    tensor = grouped(fields[_TENSOR][-1][1])
    [(_, code)] = tensor.get(1, [(0, 0)])[-1:]
    if tensor.keys() - {1, 2, 4, 5, 6, 7, 10, 11} or DTYPES.get(code) not in {"float32", "float64", "int64", "int32"}:
        return None
    if shape_of(tensor[2][-1][1] if 2 in tensor else None):
        return None
    into = ProtobufLeaves({})
    [leaf] = SPECIAL["TensorProto"]("", fields[_TENSOR][-1][1], into).values()
    return (leaf.dtype, leaf.array().reshape(-1)[0]) if isinstance(leaf, Tensor) else None


def read_events(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads an event file: ``TAG/step`` and ``TAG/value`` for scalars, ``TAG/<step 3>/...`` for everything else.

    Raises:
        UnreadableError: a record is cut off, or is no event.
    """
    del options
    reader = _Reader(ProtobufLeaves(TABLES, SPECIAL))
    count = 0
    for record in records(source):
        data = memoryview(record.tobytes())
        graphs = [graph for form, graph in grouped(data).get(_GRAPH, []) if form == 2]
        reader.into.rename = ranked(name for graph in graphs for name in library_names(graph))
        reader.event(data)
        count += 1
    leaves = reader.leaves()
    return {"": Structure("events"), **leaves} if count else {"": Structure("no events")}


def _is_events(source: Source) -> bool:
    # The first event says "brain.Event:2"; a file of examples does not.
    return is_records(source) and b"brain.Event:" in source.head(64)


EVENTS = Comparator("TensorBoard events", (), read_events, _is_events)
