"""What the verbs of the lineage graph print under ``--json``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reprokit.schema.base import Document, Model
from reprokit.schema.lineage import Artifact, Event, Execution, Lineage
from reprokit.schema.manifest import Notice


class LineageWalk(Document):
    """What made something, or what came of it: ``reprokit.lineage-walk/1``."""

    schema_id: Literal["reprokit.lineage-walk/1"] = Field(default="reprokit.lineage-walk/1", alias="schema")
    direction: Literal["up", "down"]
    asked: str = Field(description="as it was given")
    starts: list[str] = Field(description="identifiers of the nodes that were meant")
    depth: int | None = Field(default=None, description="how many runs away the walk stopped; null: at its end")
    lineage: Lineage
    warnings: list[Notice] = []


class LineageAdded(Document):
    """What was added to the graph: ``reprokit.lineage-added/1``. The numbers count what had not been there."""

    schema_id: Literal["reprokit.lineage-added/1"] = Field(default="reprokit.lineage-added/1", alias="schema")
    store: str
    sources: list[str]
    artifacts: int
    executions: int
    contexts: int
    events: int
    loses: list[str] = Field(default=[], description="what the standard could not say, where it came from one")
    warnings: list[Notice] = []


class LineageNode(Model):
    """A node with all that is known of it."""

    artifact: Artifact | None = None
    execution: Execution | None = None
    events: list[Event]
    contexts: list[str] = []


class LineageStore(Document):
    """The store, and nodes in it: ``reprokit.lineage-store/1``."""

    schema_id: Literal["reprokit.lineage-store/1"] = Field(default="reprokit.lineage-store/1", alias="schema")
    store: str = Field(description="path or URL, without a password")
    counts: dict[str, int] = Field(description="rows by table")
    types: dict[str, int] = Field(description="artifacts and executions by type")
    waiting: int = Field(description="parts of the graph that wait for this store or another one")
    nodes: list[LineageNode] = []
    warnings: list[Notice] = []


class ImpactedModel(Model):
    """A model, and why it counts as it does: each reason names the manifest, file or model that it comes from."""

    id: str
    name: str
    uri: str = ""
    created: int = 0
    reasons: list[str] = []


class LineageImpact(Document):
    """Which models do not honour an opt-out list: ``reprokit.lineage-impact/1``."""

    schema_id: Literal["reprokit.lineage-impact/1"] = Field(default="reprokit.lineage-impact/1", alias="schema")
    asked: str
    opt_out: str = Field(description="identifier of the list's version that counts as the newest")
    name: str
    version: str = ""
    older: list[str] = Field(default=[], description="identifiers of its other versions in the graph")
    met: bool = Field(description="there are models, none is affected, and of none is it unknown")
    affected: list[ImpactedModel]
    unknown: list[ImpactedModel] = Field(
        description="of which the graph cannot say what went into them; or that honour the version that was asked for, "
        "and not one that is or may be later"
    )
    clear: list[ImpactedModel]
    manifests: list[ImpactedModel] = Field(default=[], description="dataset manifests that do not honour the list")
    warnings: list[Notice] = []


class LineageExported(Document):
    """What was written for another system: ``reprokit.lineage-exported/1``."""

    schema_id: Literal["reprokit.lineage-exported/1"] = Field(default="reprokit.lineage-exported/1", alias="schema")
    standard: str
    title: str
    written: list[str] = Field(description="files and URLs")
    artifacts: int
    executions: int
    events: int
    loses: list[str] = Field(description="what the standard cannot say, a sentence each")
    warnings: list[Notice] = []
