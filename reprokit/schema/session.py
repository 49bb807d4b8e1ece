"""What ``pytest --repro-report json=PATH`` writes: ``reprokit.pytest/1``, the outcomes of one test session."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from reprokit.schema.base import Document, Model
from reprokit.schema.tiers import Tier


class ItemOutcome(Model):
    """What one test showed.

    ``status`` is ``unverified`` where nothing could be established: such a test has failed. ``line`` counts from 1.
    """

    nodeid: str
    kind: str = Field(
        description="`rebuild` and `release` of a bundle, `marker` for a marked test, `check` against a baseline"
    )
    outcome: Literal["passed", "failed", "skipped"]
    status: Literal["verified", "unverified"] = "verified"
    tier: Tier | None = None
    target: Tier | None = None
    code: str = ""
    reason: str = ""
    divergence: str = Field(default="", description="where the two sides part, in one sentence")
    command: str = Field(default="", description="a command to paste that shows more")
    file: str = Field(default="", description="relative to the root of the tests, with forward slashes")
    line: int | None = Field(default=None, ge=1)
    duration_s: float = 0.0
    bundle: str = ""
    verdict: str = Field(default="", description="the digest of the verdict, as a badge carries it")


class SessionReport(Document):
    """A test session: the outcomes of those tests that used reprokit, in the order of their names."""

    schema_id: Literal["reprokit.pytest/1"] = Field(default="reprokit.pytest/1", alias="schema")
    reprokit: str
    mode: str = "check"
    items: list[ItemOutcome] = []
    not_due: list[str] = Field(default=[], description="bundles that `--repro-due` left out")
    facts: dict[str, Any] = Field(default={}, description="seed, level and fingerprint of the session")

    def failures(self) -> list[ItemOutcome]:
        """The outcomes that failed."""
        return [item for item in self.items if item.outcome == "failed"]

    def counts(self) -> dict[str, int]:
        """How many items reached each tier; else ``passed``, ``failed``, ``unverified`` or ``skipped``."""
        found: dict[str, int] = {}
        for item in self.items:
            found[_counted_as(item)] = found.get(_counted_as(item), 0) + 1
        order = [*(str(tier) for tier in reversed(Tier)), "passed", "failed", "unverified", "skipped"]
        return {name: found[name] for name in order if name in found}


def _counted_as(item: ItemOutcome) -> str:
    if item.outcome != "skipped" and item.status == "unverified":
        return "unverified"
    return item.outcome if item.tier is None or item.outcome == "skipped" else str(item.tier)
