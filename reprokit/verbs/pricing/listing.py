"""Turns what was run into the parts of the report."""

from __future__ import annotations

import json
import math
import statistics
from typing import TYPE_CHECKING, Any

from reprokit.policy.switches import SWITCHES
from reprokit.schema.price import Cost, Held, PricedRun, SetPrice, SwitchPrice
from reprokit.schema.tiers import Tier
from reprokit.verbs.pricing.ledger import BASELINE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reprokit.compare.paired import Ratio
    from reprokit.verbs.pricing.candidates import Candidates, Facts
    from reprokit.verbs.pricing.ledger import Against, Ledger, Measure, Names

_MOST_SHOWN = 9.99  # shares above this are not worth their digits


class Listing:
    """The report's rows.

    Args:
        ledger: what was run.
        values: switch -> value.
        confidence: of each interval, so that all hold together.
    """

    def __init__(self, ledger: Ledger, values: Mapping[str, Any], confidence: float) -> None:
        self._ledger, self._values, self._confidence = ledger, values, confidence

    def settings(self, names: Names) -> dict[str, Any]:
        """A set with its values."""
        return {name: self._values[name] for name in sorted(names)}

    def set_price(self, names: Names) -> SetPrice | None:
        """What is known of a set; None when it was not run."""
        runs = self._ledger.of(names)
        if not runs:
            return None
        return SetPrice(
            switches=self.settings(names), runs=len(runs),
            training=self._cost(names, "training"), process=self._cost(names, "process"),
            record=self._held(names, "record"), between=self._held(names, "replays"),
            failed=self._ledger.failure(names),
            not_in_force=[f"{name}: {why}" for name, why in sorted(self._ledger.unheld(names).items())],
        )  # fmt: skip

    def _cost(self, names: Names, measure: Measure) -> Cost | None:
        ratio = self._ledger.cost(names, measure, self._confidence) if names else None
        if ratio is None:
            return None
        return Cost(
            ratio=ratio.value, low=ratio.low, high=ratio.high, pairs=ratio.pairs, measurable=ratio.measurable,
            text=cost_text(ratio),
        )  # fmt: skip

    def _held(self, names: Names, against: Against) -> Held | None:
        tier = self._ledger.lowest(names, against)
        if tier is None:
            return None
        evidence = self._ledger.evidence(names, Tier.BITWISE, against)
        below = [trial.detail or trial.failed for trial in self._ledger.ended(names) if trial.record is not tier]
        telling = next((trial.detail for trial in self._ledger.ended(names) if trial.record is tier), "")
        return Held(
            tier=tier, runs=evidence.runs, apart=evidence.failed, undetected_rate=evidence.undetected,
            reason=telling if against == "record" else (below or [""])[0] if evidence.failed else "",
        )  # fmt: skip

    def switches(self, chosen: Candidates, facts: Facts) -> list[SwitchPrice]:
        """A row for each switch, those that were passed over last."""
        rows = [self._switch(name, facts) for name in sorted(chosen.values)]
        rows.sort(key=_dearest_first)
        return rows + [
            SwitchPrice(name=name, value=value, status="does-not-apply", reason=reason)
            for name, (value, reason) in sorted(chosen.passed_over.items())
        ]

    def _switch(self, name: str, facts: Facts) -> SwitchPrice:
        names = frozenset([name])
        price = self.set_price(names)
        row = SwitchPrice(
            name=name, value=self._values[name], status="not-run", price=price, was=facts.was.get(name),
            meaning=SWITCHES[name].meaning, reason="the budget ended before its first run" if price is None else "",
        )  # fmt: skip
        if price is None:
            return row
        if all(trial.timed_out for trial in self._ledger.of(names)):
            return row.model_copy(update={"reason": "the budget ended during its first run"})
        if price.failed:
            return row.model_copy(update={"status": "failed", "reason": price.failed})
        if price.not_in_force:
            return row.model_copy(update={"status": "not-in-force", "reason": price.not_in_force[0].partition(": ")[2]})
        return row.model_copy(update={"status": "priced"})

    def runs(self) -> list[PricedRun]:
        """Every replay, in order."""
        return [
            PricedRun(
                number=number, round=trial.round, switches=sorted(trial.names), seconds=round(trial.seconds, 4),
                training_s=None if trial.training is None else round(trial.training, 6), exit_status=trial.exit_status,
                record=trial.record, between=trial.kin[0] if trial.kin else None, detail=trial.failed or trial.detail,
            )
            for number, trial in enumerate(self._ledger.trials, 1)
        ]  # fmt: skip

    def baseline_seconds(self, measure: Measure) -> tuple[float | None, float | None]:
        """The median of the baseline's times, and the standard deviation of their logarithms."""
        times = list(self._ledger.times(BASELINE, measure).values())
        spread = statistics.stdev(map(math.log, times)) if len(times) > 1 else None
        return (statistics.median(times) if times else None), spread


def cost_text(ratio: Ratio) -> str:
    """A ratio in words.

    >>> from reprokit.compare.paired import Ratio
    >>> cost_text(Ratio(1.051, 1.039, 1.063, 5, 0.95)), cost_text(Ratio(1.001, 0.98, 1.02, 5, 0.95))
    ('+5.1 % (+3.9 to +6.3)', 'not measurable here (±2.0 %)')
    """
    if not ratio.measurable:
        within = ratio.within
        return f"not measurable here (±{100 * within:.1f} %)" if within <= _MOST_SHOWN else "not measurable here"
    value, low, high = (f"{100 * (one - 1):+.1f}" for one in (ratio.value, ratio.low, ratio.high))
    return f"{value} % ({low} to {high})"


def _dearest_first(row: SwitchPrice) -> tuple[int, float, str]:
    cost = row.price and (row.price.training or row.price.process)
    order = {"priced": 0, "failed": 1, "not-in-force": 2, "not-run": 3, "does-not-apply": 4}[row.status]
    return order, -cost.ratio if cost else 0.0, row.name


def policy_toml(name: str, switches: Mapping[str, Any], comment: str) -> str:
    """A policy to paste into ``pyproject.toml``.

    >>> print(policy_toml("fast-enough", {"torch.num_threads": 1}, "held bitwise"), end="")
    # held bitwise
    [tool.reprokit.policy.fast-enough]
    extends = "none"
    "torch.num_threads" = 1
    """
    lines = [f"# {comment}", f"[tool.reprokit.policy.{name}]", 'extends = "none"']
    lines += [f"{json.dumps(switch)} = {json.dumps(value)}" for switch, value in sorted(switches.items())]
    return "\n".join(lines) + "\n"
