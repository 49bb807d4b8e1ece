"""reprokit's own two facets: what of a graph OpenLineage has no word for. Their schema is in ``docs/schemas``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attr
from openlineage.client.facet_v2 import DatasetFacet, RunFacet

from reprokit.lineage.standards.naming import PRODUCER

if TYPE_CHECKING:
    from reprokit.schema.lineage import Artifact, Context, Event, Execution

ARTIFACT = "reprokit_artifact"
RUN = "reprokit_run"
SCHEMA = f"{PRODUCER}/schemas/openlineage/1-0-0/ReprokitFacets.json"

_SAID_BY: dict[str, Any] = {"producer": PRODUCER}


@attr.define
class ReprokitArtifactDatasetFacet(DatasetFacet):  # type: ignore[misc]
    """An artifact of reprokit's graph; ``node`` is absent where the graph only names it."""

    id: str
    node: dict[str, Any] | None = None
    contexts: list[dict[str, Any]] = attr.field(factory=list)
    events: list[dict[str, Any]] = attr.field(factory=list)

    @staticmethod
    def _get_schema() -> str:
        return f"{SCHEMA}#/$defs/ReprokitArtifactDatasetFacet"


@attr.define
class ReprokitRunFacet(RunFacet):  # type: ignore[misc]
    """An execution of reprokit's graph; ``node`` is absent where the graph only names it."""

    id: str
    node: dict[str, Any] | None = None
    contexts: list[dict[str, Any]] = attr.field(factory=list)

    @staticmethod
    def _get_schema() -> str:
        return f"{SCHEMA}#/$defs/ReprokitRunFacet"


def artifact_facet(
    identifier: str, node: Artifact | None, contexts: list[dict[str, Any]], events: list[Event]
) -> ReprokitArtifactDatasetFacet:
    """The facet of a dataset."""
    told = [{"type": event.type, "path": list(event.path), "time": event.time} for event in events]
    facts: dict[str, Any] = {"node": _plain(node), "contexts": contexts, "events": told}
    return ReprokitArtifactDatasetFacet(id=identifier, **facts, **_SAID_BY)


def run_facet(identifier: str, node: Execution | None, contexts: list[dict[str, Any]]) -> ReprokitRunFacet:
    """The facet of a run."""
    return ReprokitRunFacet(id=identifier, node=_plain(node), contexts=contexts, **_SAID_BY)


def context_of(identifier: str, node: Context | None, parents: list[str], own: bool) -> dict[str, Any]:  # noqa: FBT001
    """One entry of a facet's ``contexts``."""
    return {"id": identifier, "node": _plain(node), "parents": parents, "own": own}


def _plain(node: Artifact | Execution | Context | None) -> dict[str, Any] | None:
    return node.model_dump(mode="json") if node is not None else None
