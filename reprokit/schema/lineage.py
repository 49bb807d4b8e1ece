"""The lineage graph as a document: ``reprokit.lineage/1``. The words and their meaning are those of ML Metadata (MLMD).

An *artifact* is a file, a dataset manifest, a model, a bundle or a verdict; an *execution* is a run; an *event* joins
them; a *context* groups them (an experiment, a pipeline). Identifiers say the content where there is one
(``sha256:HEX``), so that graphs made anywhere can be merged without duplicates; runs have a ``urn:uuid:``.
Source: https://github.com/google/ml-metadata/blob/master/ml_metadata/proto/metadata_store.proto

What reprokit itself writes, with identifiers and properties:

- artifact ``File``, ``sha256:HEX`` of its content: ``size`` (bytes), ``role`` (``code``, ``data``, ``output``)
- artifact ``Model``, ``sha256:HEX`` of its content: ``size``, ``format`` (``torch.save``, ``keras`` …)
- artifact ``DatasetManifest``, ``sha256:HEX``, its id: ``snapshot`` (tree digest), ``files``, ``bytes``, ``rows``,
  ``licence``
- artifact ``OptOutList``, ``sha256:HEX`` of its content: ``version``
- artifact ``Bundle``, ``sha256:HEX``, its id: ``size``
- artifact ``Verdict``, ``sha256:HEX`` of the document: ``tier``, ``target``, ``met``, ``status``
- execution ``Run``, ``urn:uuid:…``: ``command``, ``exit_status``, ``git_commit``, ``git_dirty``, ``git_remote``,
  ``image_digest``, ``seed``, ``policy``, ``bundle``, ``parameter.NAME``, ``metric.NAME``
- executions ``Replay`` and ``Preprocessing``, ``urn:uuid:…``: as a run's
- contexts ``Project``, ``Pipeline``, ``Experiment``, ``KIND:NAME``

A run uses (``INPUT``) the files that it was seen to read and the manifests that hold them, and makes (``OUTPUT``)
files, models and its bundle. A replay uses the bundle and makes a verdict. A preprocessing uses upstream manifests and
opt-out lists, and makes a manifest.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from reprokit.digest import sha256_bytes
from reprokit.schema.base import Document, Model

_EXACT = 2**53 - 1  # RFC 8785 takes integers up to here
_LONGEST = 1000  # bytes of an identifier: a database's index takes no more than some 2,700


def _text(text: str) -> str:
    """No database and no terminal takes a NUL, and none takes half a surrogate pair, which JSON can say."""
    return text.replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "backslashreplace").decode()


def _identifier(text: str) -> str:
    """One that is too long is cut, and ends in the digest of the whole: it stays as unique as it was."""
    text = _text(text)
    if len(data := text.encode()) <= _LONGEST:
        return text
    return data[: _LONGEST // 2].decode(errors="ignore") + "…" + sha256_bytes(data)


def _plain(value: Scalar) -> Scalar:
    """The value as it is after a round trip through canonical JSON: 1.0 is 1, and what JSON cannot say is a text."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
        if not value.is_integer():
            return value
        value = int(value)
    return value if abs(value) <= _EXACT else str(value)


def _plain_properties(properties: dict[str, Scalar]) -> dict[str, Scalar]:
    return {_text(name): _plain(value) for name, value in sorted(properties.items())}


Scalar = str | int | float | bool
Properties = Annotated[dict[str, Scalar], AfterValidator(_plain_properties)]
Text = Annotated[str, AfterValidator(_text)]
Identifier = Annotated[str, Field(min_length=1), AfterValidator(_identifier)]
Milliseconds = Annotated[int, Field(ge=0, le=_EXACT)]
ArtifactState = Literal["UNKNOWN", "PENDING", "LIVE", "MARKED_FOR_DELETION", "DELETED", "ABANDONED", "REFERENCE"]
ExecutionState = Literal["UNKNOWN", "NEW", "RUNNING", "COMPLETE", "FAILED", "CACHED", "CANCELED"]
EventType = Literal[
    "DECLARED_OUTPUT", "DECLARED_INPUT", "INPUT", "OUTPUT", "INTERNAL_INPUT", "INTERNAL_OUTPUT", "PENDING_OUTPUT"
]
INPUTS: frozenset[EventType] = frozenset({"DECLARED_INPUT", "INPUT", "INTERNAL_INPUT"})
"""The events by which an execution used an artifact; by the others it made one."""


UNKNOWN = "Unknown"
"""The type of a node that something refers to and that nothing has described yet."""
MAKER = "made_by"
"""The property of what a recorded run or a preprocessing made that names this execution. Of several makers the greater
identifier stays in a merge; it is one of them."""


class Node(Model):
    """What artifacts, executions and contexts share.

    Attributes:
        id: what it is, everywhere: ``sha256:HEX`` of content, ``urn:uuid:…`` of a run, or a name with its kind.
        type: its kind, such as ``Model``, ``DatasetManifest``, ``File``, ``Run``.
        name: for people.
        properties: facts about it, by name.
    """

    id: Identifier
    type: Text = Field(min_length=1)
    name: Text = ""
    properties: Properties = {}


class Artifact(Node):
    """Something that was used or made; ``created`` in milliseconds since the epoch, 0 where it is not known."""

    uri: Text = ""
    state: ArtifactState = "LIVE"
    created: Milliseconds = 0


class Execution(Node):
    """A run; ``started`` and ``ended`` in milliseconds since the epoch, 0 where it is not known."""

    state: ExecutionState = "COMPLETE"
    started: Milliseconds = 0
    ended: Milliseconds = 0


class Context(Node):
    """What groups runs and artifacts: an experiment, a pipeline, a project."""


class Event(Model):
    """An execution used or made an artifact.

    Attributes:
        path: under which names or positions, such as ``("train", "data/train.csv")``.
        time: milliseconds since the epoch, 0 where it is not known.
    """

    artifact: Identifier
    execution: Identifier
    type: EventType
    path: tuple[Text | Annotated[int, Field(ge=-_EXACT, le=_EXACT)], ...] = ()
    time: Milliseconds = 0

    @property
    def is_input(self) -> bool:
        """Whether the execution used the artifact, rather than made it."""
        return self.type in INPUTS


class Attribution(Model):
    """An artifact belongs to a context."""

    context: Identifier
    artifact: Identifier


class Association(Model):
    """An execution belongs to a context."""

    context: Identifier
    execution: Identifier


class Parent(Model):
    """A context lies in another."""

    child: Identifier
    parent: Identifier


class Lineage(Document):
    """A graph, or a part of one: a bundle carries the part that its run made."""

    schema_id: Literal["reprokit.lineage/1"] = Field(default="reprokit.lineage/1", alias="schema")
    artifacts: list[Artifact] = []
    executions: list[Execution] = []
    contexts: list[Context] = []
    events: list[Event] = []
    attributions: list[Attribution] = []
    associations: list[Association] = []
    parents: list[Parent] = []
