"""The verdict of a replay or a comparison: ``reprokit.verdict/1``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from reprokit.schema.base import Document, Model
from reprokit.schema.manifest import Notice
from reprokit.schema.tiers import Status, Tier


class ValueDifference(Model):
    """One place at which two files differ.

    ``max_abs`` is in the unit of the values, ``max_ulp`` in units in the last place, ``share`` the share (0 to 1) of
    elements that differ, ``index`` the first element that differs.
    """

    where: str
    index: list[int] | None = None
    recorded: str = ""
    replayed: str = ""
    max_abs: float | str | None = None
    max_ulp: int | str | None = None
    share: float | None = None
    detail: str = ""


class OutputVerdict(Model):
    """How one output compares, and by which method that was found."""

    path: str
    equal: bool
    same_schema: bool = True
    method: str
    established: bool = Field(default=True, description="false where the two could not be compared here")
    run: int = Field(default=0, description="the first replay in which it differs; 0 when equal in all")
    differing: int = 0
    differences: list[ValueDifference] = []
    note: str = ""


class MetricVerdict(Model):
    """How one metric compares. ``rule`` is the tolerance that decided, as text (``rel 1e-05 (default)``)."""

    name: str
    recorded: float | str | None
    replayed: float | str | None
    close: bool
    equal: bool = False
    rule: str
    source: str = ""
    run: int = 0


class Divergence(Model):
    """Where two traces part, in execution order, and what kind of cause that speaks for."""

    step: int | None = Field(description="optimizer update of its process, from 1")
    part: str = Field(description="batch, rng, loss, gradients, parameters, optimizer, lr, or steps")
    tensor: str | None = None
    tensors: list[str] = []
    stream: str = Field(default="", description="the process: rank or role")
    cause: str | None = None
    op: str | None = None
    after_step: int | None = Field(
        default=None, description="the last step known to be equal, when steps in between were not digested"
    )
    recorded: float | str | None = None
    replayed: float | str | None = None
    detail: str = ""
    run: int = 0


class RunVerdict(Model):
    """One replay (or the other side of a comparison)."""

    number: int
    exit_status: int | None
    duration_s: float
    tier: Tier
    steps: int = 0
    stdout_equal: bool | None = None
    timed_out: bool = False
    detail: str = ""


class TraceVerdict(Model):
    """What of the trace was compared: equality is claimed for that and no more."""

    stream: str
    steps_recorded: int
    steps_replayed: int
    steps_compared: int
    tensors_compared: int
    not_compared: list[str] = []
    equal: bool


class Verdict(Document):
    """How close the replays came to the record (``tier``) and to each other (``between_replays``)."""

    schema_id: Literal["reprokit.verdict/1"] = Field(default="reprokit.verdict/1", alias="schema")
    bundle: str
    other: str | None = None
    tier: Tier
    target: Tier
    met: bool
    status: Status
    reason: str = Field(default="", description="why the tier is no higher, in one sentence")
    advice: str = ""
    between_replays: Tier | None = None
    policy: str = "recorded"
    runs: list[RunVerdict] = []
    outputs: list[OutputVerdict] = []
    metrics: list[MetricVerdict] = []
    traces: list[TraceVerdict] = []
    divergence: Divergence | None = None
    scope: dict[str, Any] = {}
    warnings: list[Notice] = []
