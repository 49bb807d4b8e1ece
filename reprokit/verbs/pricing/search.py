"""Finds the cheapest set of switches that holds a tier. A set is named only when it was itself run and held.

Sets are tried from the smallest: none, each switch alone, and then the whole with one switch after the other left out,
the dearest first. Whether a set held by luck is asked of what fails without it: a switch that does nothing would have
looked as good with the probability `chance_of_silence`. The same is asked of a set that held while a larger one did
not, and of no switch at all where the record, which was made without any, differs: what was added made nothing worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprokit.compare.paired import chance_of_silence
from reprokit.verbs.pricing.ledger import BASELINE, Against, Evidence, Names
from reprokit.verbs.pricing.measuring import BudgetSpentError, described

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reprokit.schema.tiers import Tier
    from reprokit.verbs.pricing.ledger import Ledger
    from reprokit.verbs.pricing.measuring import Bench

LUCK = 0.05
"""The probability of a lucky set that is put up with, for all single switches together."""
_MOST = 60  # runs of one set
_TRIES = 4


class UndecidedError(Exception):
    """A set neither held often enough nor failed. Never leaves the search."""


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes:
        names: the set; None when none is claimed.
        settled: more runs would not change it.
        reason: why none is claimed.
    """

    names: Names | None
    settled: bool
    reason: str = ""


class Search:
    """Looks for the cheapest set, with one tier and one kind of comparison in mind.

    Args:
        bench: runs sets and knows what was run.
        singles: every switch that applies and did not fail alone.
        tier: to be held.
        against: by the runs among themselves, or by each against the record.
        runs: that a claim rests on, at least.
        proven: a set that was found for a higher tier, if any: it holds this one too.
        recorded_alike: the record was made here and without any switch, as the baseline's runs are.
    """

    def __init__(
        self, bench: Bench, singles: Iterable[str], tier: Tier, against: Against, runs: int,
        proven: Names | None = None, *, recorded_alike: bool = False,
    ) -> None:  # fmt: skip
        self._bench, self._ledger = bench, bench.ledger
        self._singles = sorted(singles)
        self._tier, self._against, self._runs = tier, against, runs
        self._recorded_alike = recorded_alike
        self._proven = proven if proven is not None and self._good(proven) else None

    def cheapest(self) -> Found:
        """Runs what is needed to name the cheapest set."""
        try:
            return self._cheapest()
        except BudgetSpentError:
            return self._open("the budget ended")
        except UndecidedError as reason:
            return self._open(str(reason))

    def _cheapest(self) -> Found:
        if self._holds(BASELINE):
            return Found(BASELINE, settled=True)
        if self._proven is not None and len(self._proven) == 1 and not self._dear(self._proven):
            return Found(self._proven, settled=True)
        single = next((names for names in self._by_price(self._alone()) if self._holds(names)), None)
        if single is not None and not self._dear(single):
            return Found(single, settled=True)
        others = frozenset(self._singles) - {name for names in self._alone() if self._good(names) for name in names}
        several = self._reduced(others) if len(others) > 1 else None
        answers = [names for names in (single, several) if names is not None]
        if answers:
            return Found(self._by_price(answers)[0], settled=True)
        return Found(None, settled=True, reason=self._refusal(others))

    def _alone(self) -> list[Names]:
        return [frozenset([name]) for name in self._singles]

    def _reduced(self, start: Names) -> Names | None:
        """The smallest set within ``start`` that holds and of which no switch can be left out."""
        for _ in range(_TRIES):
            if not self._holds(start):
                return None
            current = start
            for name in sorted(start, key=self._price_of, reverse=True):
                smaller = current - {name}
                if smaller and self._holds(smaller):
                    current = smaller
            if self._holds(current):  # with what is known of its neighbours by now
                self._time(current)
                if self._holds(current):
                    return current
        return None

    def _time(self, names: Names) -> None:
        """Paired runs of a set that was run apart so far."""
        for _ in range(2 * self._runs):  # a baseline that fails now and then makes no pairs
            if len(self._ledger.pairs(names, self._ledger.measure())[0]) >= self._runs or not self._good(names):
                return
            self._bench.round([names])

    def _good(self, names: Names) -> bool:
        return unrefuted(self._ledger, names, self._tier, self._against)

    def _holds(self, names: Names) -> bool:
        """Runs a set until its claim is sound, or refuted.

        Raises:
            BudgetSpentError: neither within the budget.
            UndecidedError: neither in `_MOST` runs.
        """
        while self._good(names):
            if names == self._proven:
                return True
            known = self._ledger.evidence(names, self._tier, self._against)
            if known.runs >= max(2, self._runs) and self._luck(names, known.runs) <= self._limit():
                return True
            if known.runs >= _MOST:
                raise UndecidedError(f"{known.runs} runs did not settle it")
            self._bench.once(names)
        return False

    def _limit(self) -> float:
        return LUCK / max(1, len(self._singles))

    def _luck(self, names: Names, runs: int) -> float:
        """How probable it is that the set would have held although it, or one of its switches, does nothing."""
        doubt = self._doubt(names)
        chance = chance_of_silence(doubt.failed, doubt.runs, runs) if doubt.failed else 0.0
        for name in names:
            without = self._ledger.evidence(names - {name}, self._tier, self._against)
            if without.failed:
                chance = max(chance, chance_of_silence(without.failed, without.runs, runs))
            elif names - {name} != BASELINE:
                base = self._ledger.evidence(BASELINE, self._tier, self._against)
                chance = max(chance, chance_of_silence(base.failed, base.runs, runs))
        return chance

    def _doubt(self, names: Names) -> Evidence:
        """Runs that ought to have held if the set does: those of larger sets that failed, and the record."""
        if self._against == "record":
            return Evidence(0, 0)
        larger = [other for other in self._ledger.sets() if other > names and not self._ledger.failure(other)]
        found = [self._ledger.evidence(other, self._tier, "replays") for other in larger]
        if names == BASELINE and self._recorded_alike:
            found.append(Evidence(1, int(self._ledger.evidence(BASELINE, self._tier, "record").failed > 0)))
        apart = [known for known in found if known.failed]
        return Evidence(sum(known.runs for known in apart), sum(known.failed for known in apart))

    def _price(self, names: Names) -> float:
        """The estimate, 0 where it cannot be told from nothing; a set without paired runs comes last."""
        if not names:
            return 0.0
        cost = self._ledger.cost(names, self._ledger.measure())
        if cost is None:
            return float("inf")
        return cost.value - 1 if cost.measurable else 0.0

    def _price_of(self, name: str) -> tuple[float, str]:
        return self._price(frozenset([name])), name

    def _by_price(self, sets: Iterable[Names]) -> list[Names]:
        return sorted(sets, key=lambda names: (self._price(names), len(names), sorted(names)))

    def _dear(self, names: Names) -> bool:
        return self._price(names) > 0

    def _refusal(self, several: Names) -> str:
        tried = [BASELINE, *self._alone(), *([several] if len(several) > 1 else [])]
        below = [names for names in tried if self._ledger.evidence(names, self._tier, self._against).failed]
        among = f", {described(several)} among them" if several in below else ""
        return f"{len(below)} sets were run and none held it{among}"

    def _open(self, why: str) -> Found:
        if self._proven is not None:
            return Found(self._proven, settled=True)
        sets = [
            names for names in self._by_price(self._ledger.sets())
            if self._good(names) and self._ledger.evidence(names, self._tier, self._against).runs
        ]  # fmt: skip
        if not sets:
            return Found(None, settled=False, reason=f"{why} before a set could be claimed")
        known = self._ledger.evidence(sets[0], self._tier, self._against)
        reason = f"{why}: {described(sets[0])} held in {known.runs} runs, too few to claim it"
        return Found(None, settled=False, reason=reason)


def unrefuted(ledger: Ledger, names: Names, tier: Tier, against: Against) -> bool:
    """Nothing speaks against a set: the script did not fail, its switches were in force, and the tier was held."""
    if ledger.failure(names) or ledger.unheld(names):
        return False
    return not ledger.evidence(names, tier, against).failed


def basis(ledger: Ledger, names: Names, tier: Tier, against: Against) -> str:
    """What the claim of a set rests on, and what that leaves open."""
    known = ledger.evidence(names, tier, against)
    what = "agreed with the record" if against == "record" else "agreed with each other"
    return f"{known.runs} runs {what}, which does not exclude that up to {known.undetected or 0.0:.0%} of runs do not"
