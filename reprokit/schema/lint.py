"""What `reprokit lint --json` prints: ``reprokit.lint/1``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reprokit.schema.base import Document, Model


class LintFinding(Model):
    """One finding; lines and columns count from 1."""

    code: str
    name: str
    level: Literal["error", "warning", "note"]
    path: str
    line: int
    column: int
    end_line: int
    cell: int | None = Field(default=None, description="for a notebook: the cell, counted from 1; `line` is the file's")
    cell_line: int | None = Field(default=None, description="for a notebook: the line in the cell")
    message: str
    remedy: str
    source: str = Field(default="", description="where this is documented")


class LintRule(Model):
    """A rule that a finding names."""

    code: str
    name: str
    level: Literal["error", "warning", "note"]
    why: str
    remedy: str
    source: str


class LintReport(Document):
    """What was found in training code that nobody ran. ``met`` is false when there is a finding above a note."""

    schema_id: Literal["reprokit.lint/1"] = Field(default="reprokit.lint/1", alias="schema")
    reprokit: str
    met: bool
    files: int
    lines: int
    silenced: int = Field(description="findings that comments silenced")
    versions: dict[str, str] = Field(description="of the frameworks whose tables were used")
    findings: list[LintFinding]
    rules: list[LintRule] = Field(description="those that the findings name")
