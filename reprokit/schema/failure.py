"""What a verb prints under ``--json`` when it fails: ``reprokit.error/1``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reprokit.schema.base import Document


class ErrorReport(Document):
    """An error as a document: its code, what happened, what to do, and the exit status that goes with it."""

    schema_id: Literal["reprokit.error/1"] = Field(default="reprokit.error/1", alias="schema")
    code: str
    message: str
    hint: str = ""
    exit_status: int
