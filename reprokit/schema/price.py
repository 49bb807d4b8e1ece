"""What ``price --json`` prints: ``reprokit.price/1``. Times in seconds."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from reprokit.schema.base import Document, Model
from reprokit.schema.manifest import Notice
from reprokit.schema.tiers import Status, Tier


class Cost(Model):
    """How many times longer it takes than the baseline (1.05 costs 5 %), from ``low`` to ``high``."""

    ratio: float
    low: float
    high: float
    pairs: int = Field(description="rounds in which both ran")
    measurable: bool = Field(description="the interval excludes 1")
    text: str = Field(description="in words: `+5.1 % (+3.9 to +6.3)`, `not measurable here (±2.0 %)`")


class Held(Model):
    """The highest tier that every run of a set held, and what that rests on."""

    tier: Tier
    runs: int
    apart: int = Field(default=0, description="runs that did not agree bitwise with the record, or with the most runs")
    undetected_rate: float | None = Field(
        default=None, description="share of runs below bitwise that so few runs cannot exclude, with 95 % confidence"
    )
    reason: str = ""


class SetPrice(Model):
    """One set of switches that was run: what it costs together and how far it reaches."""

    switches: dict[str, Any]
    runs: int
    training: Cost | None = Field(default=None, description="first to last step; absent where nothing was traced")
    process: Cost | None = Field(default=None, description="the whole process")
    record: Held | None = Field(default=None, description="against the record")
    between: Held | None = Field(default=None, description="replays among themselves")
    failed: str = Field(default="", description="why the script failed with it")
    not_in_force: list[str] = Field(default=[], description="switches that were asked for and did not hold, and why")


class SwitchPrice(Model):
    """One switch, alone on top of the baseline."""

    name: str
    value: Any = None
    status: Literal["priced", "failed", "not-in-force", "does-not-apply", "not-run"]
    reason: str = ""
    was: Any = Field(default=None, description="its value at the recorded run's first step, as it was read back")
    meaning: str = ""
    price: SetPrice | None = None


class TierPrice(Model):
    """The cheapest set that reached a tier; ``switches`` is None when none did or it could not be established."""

    tier: Tier
    against: Literal["replays", "record"]
    status: Status
    switches: dict[str, Any] | None = None
    price: SetPrice | None = None
    reason: str


class PricedRun(Model):
    """One replay. ``round`` 0 warms up: its times do not count."""

    number: int
    round: int
    switches: list[str]
    seconds: float
    training_s: float | None = None
    exit_status: int | None = None
    record: Tier | None = None
    between: Tier | None = None
    detail: str = ""


class PriceReport(Document):
    """What each determinism switch costs on a script, and the cheapest set that reached each tier."""

    schema_id: Literal["reprokit.price/1"] = Field(default="reprokit.price/1", alias="schema")
    bundle: str
    policy: str = Field(description="the policy whose switches were priced")
    target: Tier | None = None
    met: bool = True
    status: Status = Status.VERIFIED
    stopped: Literal["rounds", "precise", "budget", "interrupted"]
    rounds: int
    order_seed: int
    budget_s: float
    elapsed_s: float
    run_s: float | None = Field(
        default=None, description="median seconds of a run, all included: none begins when less of the budget is left"
    )
    confidence: float = Field(description="with which all intervals of the table hold together")
    intervals: int = Field(description="how many intervals that is")
    measure: Literal["training", "process"]
    steps: int = 0
    baseline: SetPrice | None = None
    baseline_s: float | None = Field(default=None, description="median seconds of the baseline, by `measure`")
    baseline_spread: float | None = Field(default=None, description="standard deviation of its logarithm: 0.02 is 2 %")
    together: SetPrice | None = Field(default=None, description="all switches that apply")
    switches: list[SwitchPrice] = []
    tiers: list[TierPrice] = []
    others: list[SetPrice] = Field(default=[], description="further sets that the search ran")
    recommended: str = Field(default="", description="TOML: a policy to paste into pyproject.toml")
    runs: list[PricedRun] = []
    scope: dict[str, Any] = {}
    warnings: list[Notice] = []
