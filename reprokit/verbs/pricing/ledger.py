"""All replays of a price list, and what they say of each set of switches. Nothing is run here."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from reprokit.compare.paired import CONFIDENCE, paired_ratio, undetected_rate
from reprokit.schema.tiers import Tier

if TYPE_CHECKING:
    from reprokit.compare.paired import Ratio

Names = frozenset[str]
"""A set of switches, by name."""
BASELINE: Names = frozenset()
KEPT = 4
"""Runs of a set that are kept for others to be compared with."""
Against = Literal["replays", "record"]
Measure = Literal["training", "process"]


@dataclass(frozen=True)
class Trial:
    """One replay under a set of switches.

    Attributes:
        round: 0 warms up, so that its times do not count; the runs of one round are paired.
        seconds: of the whole process; ``training`` from the first step to the last, without reprokit's digests.
        record: how close it came to the record; None when it did not end, so nothing is known.
        ceiling: the highest tier that nothing speaks against; above ``record`` where evidence is lacking.
        kin: how close it came to each of the runs of the same set that had been kept until then; see `classes`.
        failed: why the script failed, in its own words; empty when it did not.
        unheld: switches of the set that were not in force, and why.
    """

    names: Names
    round: int
    seconds: float
    training: float | None = None
    exit_status: int | None = 0
    record: Tier | None = None
    ceiling: Tier | None = None
    kin: tuple[Tier, ...] = ()
    detail: str = ""
    failed: str = ""
    unheld: dict[str, str] = field(default_factory=dict)
    timed_out: bool = False


@dataclass(frozen=True)
class Evidence:
    """How often a set held a tier: in all of its ``runs`` but ``failed``.

    Among the replays themselves a run fails when it is not one of the largest group that agrees: comparing all with
    one run would count every run as a failure where that one is the odd one out.
    """

    runs: int
    failed: int

    @property
    def undetected(self) -> float | None:
        """The rate of runs below the tier that cannot be excluded; None when there was one."""
        return None if self.failed else undetected_rate(self.runs)


def classes(trials: list[Trial], tier: Tier) -> list[int]:
    """The sizes of the groups of runs that agree at a tier.

    A run that is bitwise equal to no kept run of its set is kept as well, as long as there are few (`KEPT`). A run
    belongs to the first kept run with which it reaches the tier, else it stands alone, as does one that failed.
    """
    sizes: dict[int, int] = {}
    leader_of: list[int] = []  # of each kept run, the kept run whose group it belongs to
    alone = 0
    for trial in trials:
        if trial.failed:
            alone += 1
            continue
        group = next((leader_of[at] for at, one in enumerate(trial.kin) if one.reaches(tier)), None)
        is_kept = len(trial.kin) < KEPT and not any(one is Tier.BITWISE for one in trial.kin)
        if group is None and is_kept:
            group = len(leader_of)
        if is_kept:
            leader_of.append(len(leader_of) if group is None else group)
        if group is None:
            alone += 1
        else:
            sizes[group] = sizes.get(group, 0) + 1
    return [*sizes.values(), *[1] * alone]


class Ledger:
    """The replays so far, in order."""

    def __init__(self) -> None:
        self.trials: list[Trial] = []

    def add(self, trial: Trial) -> None:
        """Enters a replay."""
        self.trials.append(trial)

    def of(self, names: Names) -> list[Trial]:
        """The replays under a set."""
        return [trial for trial in self.trials if trial.names == names]

    def sets(self) -> list[Names]:
        """Every set that was run, in the order of its first run."""
        return list(dict.fromkeys(trial.names for trial in self.trials))

    def failure(self, names: Names) -> str:
        """Why the script failed under a set; empty when it never did."""
        return next((trial.failed for trial in self.of(names) if trial.failed), "")

    def unheld(self, names: Names) -> dict[str, str]:
        """Switches of a set that were not in force in one of its runs, and why."""
        return {name: why for trial in self.of(names) for name, why in trial.unheld.items()}

    def ended(self, names: Names) -> list[Trial]:
        """The replays under a set that ended by themselves, well or not."""
        return [trial for trial in self.of(names) if trial.record is not None]

    def evidence(self, names: Names, tier: Tier, against: Against) -> Evidence:
        """How often a set held a tier."""
        ended = self.ended(names)
        if against == "record":
            return Evidence(len(ended), sum(not trial.record.reaches(tier) for trial in ended if trial.record))
        return Evidence(len(ended), len(ended) - max(classes(ended, tier), default=0))

    def lowest(self, names: Names, against: Against) -> Tier | None:
        """The highest tier that every run of a set held; None when that cannot be said."""
        if len(self.ended(names)) < (1 if against == "record" else 2):
            return None
        held = [tier for tier in Tier if not self.evidence(names, tier, against).failed]
        return max(held, key=lambda tier: tier.rank, default=Tier.NONE)

    def times(self, names: Names, measure: Measure) -> dict[int, float]:
        """Round -> mean seconds of the runs that count."""
        rounds: dict[int, list[float]] = {}
        for trial in self.of(names):
            seconds = trial.training if measure == "training" else trial.seconds
            if trial.round and not trial.failed and not trial.timed_out and seconds is not None and seconds > 0:
                rounds.setdefault(trial.round, []).append(seconds)
        return {number: statistics.fmean(found) for number, found in rounds.items()}

    def pairs(self, names: Names, measure: Measure) -> tuple[list[float], list[float]]:
        """Seconds of the baseline and of a set, in the rounds that have both."""
        base, other = self.times(BASELINE, measure), self.times(names, measure)
        shared = sorted(base.keys() & other.keys())
        return [base[number] for number in shared], [other[number] for number in shared]

    def cost(self, names: Names, measure: Measure, confidence: float = CONFIDENCE) -> Ratio | None:
        """What a set costs beside the baseline; None for fewer than two pairs."""
        return paired_ratio(*self.pairs(names, measure), confidence)

    def measure(self) -> Measure:
        """``training`` when its times make at least two pairs for every set for which whole processes do."""
        timed = [names for names in self.sets() if self.times(names, "process")]
        enough = all(
            len(self.pairs(names, "training")[0]) >= min(2, len(self.pairs(names, "process")[0])) for names in timed
        )
        return "training" if enough and self.times(BASELINE, "training") else "process"
