"""What `reprokit rebuild --json` prints: ``reprokit.rebuild/1``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reprokit.schema.base import Document, Model
from reprokit.schema.manifest import Notice
from reprokit.schema.release import RebuildTest
from reprokit.schema.tiers import Tier

Outcome = Literal["met", "missed", "not-due", "unverified", "refused", "elsewhere"]


class Rebuilt(Model):
    """One bundle. ``refused``: damaged, hostile, not trusted; ``elsewhere``: another process is rebuilding it."""

    bundle: str
    id: str = ""
    outcome: Outcome
    why: str = Field(default="", description="why it was due, or was not")
    last: RebuildTest | None = Field(default=None, description="the last rebuild test before this one")
    tier: Tier | None = None
    target: Tier | None = None
    code: str = Field(default="", description="of the catalogue, where there is no verdict")
    message: str = ""
    duration_s: float = 0.0
    recorded: bool = Field(default=False, description="the outcome was left for the lineage graph")


class RebuildReport(Document):
    """What became of each bundle. ``met``: none missed its target, was refused, or was left undecided."""

    schema_id: Literal["reprokit.rebuild/1"] = Field(default="reprokit.rebuild/1", alias="schema")
    met: bool
    time: int = Field(description="at which it began, in milliseconds since the epoch")
    older_than_days: float | None = Field(description="what was due; null where everything was replayed")
    bundles: list[Rebuilt]
    warnings: list[Notice] = []
