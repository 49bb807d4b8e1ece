"""Writes the lineage graph for other systems, and reads what they know."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from reprokit.errors import UsageError
from reprokit.launch.lineage_events import export_options
from reprokit.launch.lineage_manifests import documents_of
from reprokit.launch.lineage_opening import opened_graph
from reprokit.launch.writing import write_atomically
from reprokit.lineage.merging import merge, normal
from reprokit.lineage.standards import standard
from reprokit.schema.lineage import Lineage
from reprokit.schema.lineage_answers import LineageAdded, LineageExported
from reprokit.verbs.lineage import added
from reprokit.verbs.lineage_nodes import check_readable, nodes_meant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.lineage.standards import ReadableStandard
    from reprokit.lineage.store import Store
    from reprokit.schema.lineage import Event

OWN = "reprokit"
"""The name under which our own document, ``reprokit.lineage/1``, stands among the standards."""


def export(
    name: str, target: str, *, of: Sequence[str] = (), start: Path | None = None
) -> LineageExported:  # fmt: skip
    """Writes the graph, or what is up and down from some nodes, in a standard.

    Args:
        name: the standard's; ``reprokit`` for our own document.
        target: a file, a directory or a URL, as the standard has it.
        of: the nodes; everything where there are none.
        start: where the project's settings are looked for; the working directory by default.

    Raises:
        UsageError: RPK144, RPK145, RPK165, or one of the standard's.
        UnverifiedError: RPK140, RPK141, or one of the standard's.
    """
    module = None if name == OWN else standard(name)
    if module is not None and not hasattr(module, "write"):
        raise UsageError("RPK165", f"{module.TITLE} is only read")
    with opened_graph(start) as graph:
        if of:
            starts = [node.id for text in of for node in nodes_meant(graph.store, text)]
            lineage = merge([graph.store.walk(starts, "up"), graph.store.walk(starts, "down")])
        else:
            lineage = normal(graph.store.everything())
    warnings = [*graph.warnings]
    if module is None:
        write_atomically(Path(target), lineage.canonical() + b"\n")
        written = [target]
    else:
        options = export_options(name, target)
        if name == "croissant":  # files, columns and terms stand in the manifests, and not in the graph
            documents, unreadable = documents_of(start or Path.cwd(), {node.id for node in lineage.artifacts})
            options["manifests"] = documents
            warnings += unreadable
        written = module.write(lineage, target, **options)
    return LineageExported(
        standard=name, title=module.TITLE if module else "reprokit.lineage/1", written=written,
        artifacts=len(lineage.artifacts), executions=len(lineage.executions), events=len(lineage.events),
        loses=list(module.LOSES) if module else [], warnings=warnings,
    )  # fmt: skip


def take_in(name: str, source: str, *, start: Path | None = None) -> LineageAdded:
    """Reads a graph that another system wrote, and adds it.

    Raises:
        UsageError: RPK165, there is no such standard, or it cannot be read; or one of the standard's.
        UnverifiedError: RPK140, RPK141, or one of the standard's.
        CorruptBundleError: what was read is no graph.
    """
    loses: Sequence[str] = ()
    if name == OWN:
        lineage = _own(Path(source))
    else:
        module = standard(name)
        if not hasattr(module, "read"):
            raise UsageError("RPK165", f"{module.TITLE} can be written and not read back")
        lineage, loses = cast("ReadableStandard", module).read(source), [*module.LOSES, *_unread(module)]
    with opened_graph(start) as graph:
        return added(graph, _without_echoes(lineage, graph.store), [source], loses)


def _unread(module: object) -> list[str]:
    """What a standard's reader leaves out of documents that are not ours."""
    return [f"where another program wrote it: {sentence}" for sentence in getattr(module, "UNREAD", ())]


def _without_echoes(lineage: Lineage, store: Store) -> Lineage:
    """A graph without events that say nothing beside what is known: that a run used or made something, somehow.

    Many standards say no more than that. What was exported to one and comes back from it would else stand there twice.
    """
    bare = [event for event in lineage.events if not event.path or not event.time]
    known: dict[tuple[str, str, bool], list[Event]] = {}
    for event in store.with_links({event.execution for event in bare}).events if bare else []:
        known.setdefault((event.artifact, event.execution, event.is_input), []).append(event)
    echoes = {
        event for event in bare
        if any(_echoes(event, one) for one in known.get((event.artifact, event.execution, event.is_input), []))
    }  # fmt: skip
    return lineage.model_copy(update={"events": [event for event in lineage.events if event not in echoes]})


def _echoes(event: Event, known: Event) -> bool:
    """Whether each thing that an event says is said by one that is known."""
    same = event.path in ((), known.path) and event.time in (0, known.time)
    return same and event.type in ("INPUT", "OUTPUT", known.type)


def _own(path: Path) -> Lineage:
    check_readable(path)
    try:
        return Lineage.parse(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError("RPK003", f"cannot read {path}: {error.strerror}") from None
