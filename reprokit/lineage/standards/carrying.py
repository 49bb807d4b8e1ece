"""Parts of a graph that several standards leave out, taken out of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.lineage.merging import normal
from reprokit.lineage.standards.naming import moment
from reprokit.schema.lineage import Event, Execution, Lineage

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.schema.lineage import Artifact


def bare(event: Event) -> Event:
    """The event as a use or a making alone: without its finer type, path and time."""
    return Event(artifact=event.artifact, execution=event.execution, type="INPUT" if event.is_input else "OUTPUT")


def dated(milliseconds: int) -> int:
    """The time, or 0 where a date cannot say it."""
    return milliseconds if moment(milliseconds) else 0


def without_contexts(lineage: Lineage) -> Lineage:
    """The graph without contexts and what belongs to them."""
    return lineage.model_copy(update={"contexts": [], "attributions": [], "associations": [], "parents": []})


def artifacts_alone(lineage: Lineage, wanted: Callable[[Artifact], bool]) -> Lineage:
    """Some artifacts of a graph, with nothing between them."""
    return normal(Lineage(artifacts=[node for node in lineage.artifacts if wanted(node)]))


def with_dates(run: Execution) -> Execution:
    """The run with times that dates can say."""
    return run.model_copy(update={"started": dated(run.started), "ended": dated(run.ended)})
