"""What ``record --json`` prints: ``reprokit.record/1``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reprokit.schema.base import Document
from reprokit.schema.manifest import InputFile, Notice, OutputFile, TraceSummary


class RecordReport(Document):
    """The outcome of a recording. ``steps`` counts the optimizer updates of rank 0."""

    schema_id: Literal["reprokit.record/1"] = Field(default="reprokit.record/1", alias="schema")
    bundle: str
    id: str
    exit_status: int
    steps: int
    inputs: list[InputFile]
    outputs: list[OutputFile]
    streams: list[TraceSummary] = []
    observers: list[str]
    warnings: list[Notice]
    size: int = 0
    duration_s: float = 0.0
