"""Runs rounds: in each, the baseline and every set once, in an order drawn anew.

A machine grows slower and faster while it works. Within a round all sets meet about the same machine, and the drawn
order keeps a drift from always falling on the same set.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Literal

from reprokit.compare.paired import CONFIDENCE, joint
from reprokit.verbs.pricing.ledger import BASELINE, Ledger, Names, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PRECISE = 0.01
"""Half width of every interval, as a share, at which no further round is needed."""
FEWEST_ROUNDS = 3
_CAUTION = 1.2  # a run may take longer than those before it


class BudgetSpentError(Exception):
    """The next run would not end within the budget. Never leaves the verb."""


class Bench:
    """Runs sets of switches and keeps what they gave.

    Args:
        run: runs a set once: names, round, seconds that it may take.
        budget: seconds for everything.
        seed: of the order.
        say: is told what happens.
        clock: seconds since some fixed moment.
        begin: the moment by that clock from which the budget counts; now by default.
    """

    def __init__(
        self, run: Callable[[Names, int, float], Trial], budget: float, seed: int,
        say: Callable[[str], None] = lambda _text: None, clock: Callable[[], float] = time.monotonic,
        begin: float | None = None,
    ) -> None:  # fmt: skip
        self.ledger = Ledger()
        self.rounds = 0
        self.budget = budget
        self._run, self._say, self._clock = run, say, clock
        self._random = random.Random(seed)  # noqa: S311 - an order, not a secret
        self._started = clock() if begin is None else begin
        self._took: dict[Names, float] = {}

    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._started

    def once(self, names: Names, number: int = 0, share: float = 1.0) -> Trial:
        """One run.

        Args:
            names: the set.
            number: the round; 0 when the time does not count.
            share: of the budget that may be spent when the run ends.

        Raises:
            BudgetSpentError: it would probably take longer than that.
        """
        left = share * self.budget - self.elapsed()
        if left <= 0 or _CAUTION * self._expected(names) > left:
            raise BudgetSpentError
        self._say(f"run {len(self.ledger.trials) + 1}, round {number}: {described(names)}")
        begin = self._clock()
        trial = self._run(names, number, self.budget - self.elapsed())
        self.ledger.add(trial)
        self._took[names] = self._clock() - begin
        if trial.timed_out:
            raise BudgetSpentError
        return trial

    def _expected(self, names: Names) -> float:
        """How long another run may take, preparation and comparison included; 0 when nothing was run."""
        return self._took.get(names, max(self._took.values(), default=0.0))

    def round(self, sets: Sequence[Names], share: float = 1.0) -> None:
        """Each set once, the baseline among them, in an order drawn anew; sets that fail are passed over.

        Raises:
            BudgetSpentError: the round was not ended.
        """
        self.rounds += 1
        order = [names for names in dict.fromkeys([BASELINE, *sets]) if not self.ledger.failure(names)]
        self._random.shuffle(order)
        for names in order:
            self.once(names, self.rounds, share)

    def measure(self, sets: Sequence[Names], rounds: int, share: float = 1.0) -> Literal["rounds", "precise", "budget"]:
        """Runs further rounds until there are enough, or every interval is narrow enough.

        Returns:
            Why it stopped: ``rounds``, ``precise`` or ``budget``.
        """
        try:
            for left in reversed(range(rounds)):
                self.round(sets, share)
                if left and self.rounds >= FEWEST_ROUNDS and self._precise(sets):
                    return "precise"
        except BudgetSpentError:
            return "budget"
        return "rounds"

    def _precise(self, sets: Sequence[Names]) -> bool:
        measure = self.ledger.measure()
        sound = [names for names in sets if names and not self.ledger.failure(names)]
        confidence = joint(CONFIDENCE, len(sound))
        costs = [self.ledger.cost(names, measure, confidence) for names in sound]
        return bool(costs) and all(cost is not None and cost.half_width <= PRECISE for cost in costs)


def described(names: Names) -> str:
    """A set in words."""
    return " + ".join(sorted(names)) or "no switch"
