"""One file a standard: it writes a lineage graph, reads one where the standard can, and says what is lost.

A module of this kind has

- ``TITLE``: the standard with its version;
- ``EXTRA``: the extra of reprokit that brings what it needs, or an empty text;
- ``LOSES``: what of the graph the standard cannot say, a sentence each;
- ``carried(lineage)``: the graph that is left of one after a round trip: the executable form of ``LOSES``;
- ``ASIDE``, where there is anything: what is kept in fields of reprokit's own, which other programs pass over;
- ``UNREAD``, where there is anything: what of documents that other programs wrote is not read, a sentence each;
- ``write(lineage, target)``: writes it to a file, a directory or a URL, and returns what was written;
- ``read(source)``: where the standard can be read back. ``read(write(g)) == normal(carried(g))`` is tested on graphs
  that Hypothesis makes.

Modules are imported when they are asked for, and import their libraries inside their functions. Others ship theirs as
entry points of the group ``reprokit.standards``.
"""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import TYPE_CHECKING, Any, Protocol, cast

from reprokit.errors import UsageError

if TYPE_CHECKING:
    from reprokit.schema.lineage import Lineage

GROUP = "reprokit.standards"
STANDARDS: tuple[str, ...] = (
    "croissant",
    "cyclonedx",
    "hf-card",
    "mlmd",
    "openlineage",
    "prov",
    "ro-crate",
    "slsa",
    "vertex",
)
"""Names of those that come with reprokit; each is a module here, with underscores for hyphens."""
SYSTEMS: tuple[str, ...] = ("dvc", "mlflow", "tensorboard", "wandb")
"""Systems whose runs are imported. All but ``mlflow`` are only read, so they have neither ``carried`` nor ``write``."""


class Standard(Protocol):
    """What a module has."""

    TITLE: str
    EXTRA: str
    LOSES: tuple[str, ...]

    def carried(self, lineage: Lineage) -> Lineage:
        """The graph that is left after a round trip."""
        ...

    def write(self, lineage: Lineage, target: str, **options: Any) -> list[str]:
        """Writes the graph; returns the files or URLs that were written."""
        ...


class ReadableStandard(Standard, Protocol):
    """A standard that can be read back."""

    def read(self, source: str) -> Lineage:
        """Reads a graph."""
        ...


def names() -> list[str]:
    """All standards that are installed."""
    return sorted({*STANDARDS, *SYSTEMS, *(point.name for point in metadata.entry_points(group=GROUP))})


def standard(name: str) -> Standard:
    """The module of a standard.

    Raises:
        UsageError: RPK165, there is none of this name.
    """
    if name in (*STANDARDS, *SYSTEMS):
        return cast("Standard", importlib.import_module(f"{__name__}.{name.replace('-', '_')}"))
    for point in metadata.entry_points(group=GROUP, name=name):
        return cast("Standard", point.load())
    raise UsageError("RPK165", f"no standard is called {name!r}; known: {', '.join(names())}")
