"""What ``doctor --switches --json`` prints: ``reprokit.switches/1``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reprokit.schema.base import Document, Model


class SwitchEntry(Model):
    """One switch that a policy can set."""

    name: str
    values: str = Field(description="what it can be set to, in words")
    meaning: str = Field(description="what the strongest value does")
    cost: str = Field(description="by its documentation; `reprokit price` measures it")
    since: str = Field(default="", description="the first version that has it: `torch 1.8`; empty for any")
    variable: str | None = Field(default=None, description="the environment variable that sets it, if one does")
    source: str = Field(description="where it is documented")


class SwitchList(Document):
    """Every switch."""

    schema_id: Literal["reprokit.switches/1"] = Field(default="reprokit.switches/1", alias="schema")
    switches: list[SwitchEntry]
