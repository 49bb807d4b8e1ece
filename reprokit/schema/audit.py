"""What ``reprokit lineage audit --json`` prints: ``reprokit.audit/1``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reprokit.schema.base import Document, Model


class AuditLack(Model):
    """One thing that a run of another system should have said, and what to do about it."""

    name: str
    node: str = Field(default="", description="the stage, file or run that it is about")
    why: str
    remedy: str


class AuditReport(Document):
    """What the run of another system lacks for being run again. ``unknown``: what could not be looked at."""

    schema_id: Literal["reprokit.audit/1"] = Field(default="reprokit.audit/1", alias="schema")
    system: Literal["mlflow", "dvc"]
    source: str
    met: bool
    lacks: list[AuditLack]
    unknown: list[str] = []
