"""OpenLineage 2-0-2: run events and dataset events, to a file (one event a line) or to a collector over HTTP.

A run is a ``START`` event and one of ``COMPLETE``, ``FAIL`` or ``ABORT``; an artifact is a dataset, at the place where
it lies, with its digest as its version. Standard facets say what the standard has words for; two facets of reprokit's
own hold the rest, so that nothing is lost between two readers that know them. Their JSON Schema is published with the
documentation. Events are kept in a spool directory while a collector is down: see `spool`.
Source: https://openlineage.io/spec/2-0-2/OpenLineage.json
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reprokit.errors import UsageError
from reprokit.lineage.merging import merge, normal
from reprokit.lineage.standards.files import parse_json, read_text, understood, write_text
from reprokit.lineage.standards.naming import missing
from reprokit.lineage.urls import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.schema.lineage import Lineage

TITLE = "OpenLineage 2-0-2 (openlineage-python 1.54)"
EXTRA = "openlineage"
LOSES: tuple[str, ...] = (
    "Contexts that hold no run and no artifact, and the links between such contexts: events are about runs and data.",
)
ASIDE: tuple[str, ...] = (
    "Identifiers, types, states, contexts, paths and types of events: in `reprokit_artifact` and `reprokit_run`.",
    "Properties that no standard facet is made of: there too.",
)
UNREAD: tuple[str, ...] = (
    "Of data sets all but name, version, columns at the top, source and documentation: neither owners nor statistics.",
    "Of runs and jobs all but name, times, state, parent, error, engine, parameters and code: neither SQL nor owners.",
    "Column lineage, symbolic links and tags; of jobs that have not run, which data sets belong to them.",
)


def carried(lineage: Lineage) -> Lineage:
    """Everything but contexts that neither a run nor an artifact belongs to, itself or through its own context."""
    lineage = normal(lineage)
    parents: dict[str, list[str]] = {}
    for link in lineage.parents:
        parents.setdefault(link.child, []).append(link.parent)
    kept = {link.context for link in lineage.attributions} | {link.context for link in lineage.associations}
    waiting = list(kept)
    while waiting:
        for above in parents.get(waiting.pop(), []):
            if above not in kept:
                kept.add(above)
                waiting.append(above)
    return lineage.model_copy(
        update={
            "contexts": [node for node in lineage.contexts if node.id in kept],
            "parents": [link for link in lineage.parents if link.child in kept],
        }
    )


def write(lineage: Lineage, target: str, **options: Any) -> list[str]:
    """Writes events to a file, or sends them to a collector.

    Args:
        target: a path, which gets one event a line; or the URL of a collector, such as ``http://localhost:5000``,
            whose ``/api/v1/lineage`` gets them.
        lineage: what the events tell.
        options: ``spool`` and others: see `reprokit.lineage.standards.openlineage.sending.send`.

    Raises:
        UsageError: RPK166, the file cannot be written.
        UnverifiedError: RPK168, the client is missing; RPK169, the collector did not take them.
    """
    client()
    from reprokit.lineage.standards.openlineage.events import lines_of

    lines = lines_of(normal(lineage))
    if target.startswith(("http://", "https://")):
        from reprokit.lineage.standards.openlineage.sending import send

        send(lines, target, **options)
        return [shown(target)]
    if re.fullmatch(r"[\w.-]+:\d+(/.*)?", target, re.ASCII):
        raise UsageError("RPK166", f"{target}: write http://{target} for a collector, and ./{target} for a file")
    return [write_text(target, "".join(f"{line}\n" for line in lines))]


def read(source: str) -> Lineage:
    """Reads a file of events, one a line, or one JSON list, in any order, any of them more than once; or one event.

    Raises:
        UsageError: RPK166, it cannot be read.
        CorruptBundleError: RPK167, a line is no event of OpenLineage.
    """
    return read_events(read_text(source, "OpenLineage"), source)


def read_events(text: str, source: str) -> Lineage:
    """What `read` does, of a text."""
    from reprokit.lineage.standards.openlineage.reading import lineage_of

    def parts() -> Iterator[Lineage]:
        if text.lstrip().startswith("["):
            yield from map(lineage_of, parse_json(text, source, "OpenLineage"))
            return
        if text.lstrip().partition("\n")[0].strip() == "{":  # one event, written for people
            yield lineage_of(parse_json(text, source, "OpenLineage"))
            return
        for line in text.split("\n"):
            if line.strip():
                yield lineage_of(parse_json(line, source, "OpenLineage"))

    # Equal events are read once: a collector may log each of them as often as it was sent.
    lineage: Lineage = understood(lambda: merge(parts()), source, "OpenLineage")
    return lineage


def client() -> Any:
    """The client's module.

    Raises:
        UnverifiedError: RPK168, it is missing.
    """
    try:
        import openlineage.client
    except ImportError as error:
        raise missing("OpenLineage", EXTRA, error) from None
    return openlineage.client
