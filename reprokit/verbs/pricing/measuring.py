"""Runs rounds: in each, the baseline and every set once, in an order drawn anew.

A machine grows slower and faster while it works. Within a round all sets meet about the same machine, and the drawn
order keeps a drift from always falling on the same set.
"""

from __future__ import annotations

import random
import statistics
import time
from typing import TYPE_CHECKING, Literal

from reprokit.compare.paired import CONFIDENCE, joint
from reprokit.verbs.pricing.ledger import BASELINE, Ledger, Names, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PRECISE = 0.01
"""Half width of every interval, as a share, at which no further round is needed."""
FEWEST_ROUNDS = 3


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
        self._first: list[float] = []  # the first run finds cold caches
        self._took: dict[Names, list[float]] = {}  # the others
        self._open: list[tuple[int, list[Names]]] = []  # rounds that the budget cut short: number, what is left

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
            BudgetSpentError: a run typically takes longer than that, or this one did.
        """
        left = share * self.budget - self.elapsed()
        if left <= 0 or (self.typical(names) or 0.0) > left:
            raise BudgetSpentError
        self._say(f"run {len(self.ledger.trials) + 1}, round {number}: {described(names)}")
        begin = self._clock()
        trial = self._run(names, number, self.budget - self.elapsed())
        self.ledger.add(trial)
        took = self._clock() - begin
        if len(self.ledger.trials) == 1:
            self._first = [took]
        else:
            self._took.setdefault(names, []).append(took)
        if trial.timed_out:
            raise BudgetSpentError
        return trial

    def typical(self, names: Names | None = None) -> float | None:
        """Median seconds of a run, preparation and comparison included; None when nothing was run.

        Args:
            names: the set; without it, or where it was not run yet, all runs count; the very first only if alone.
        """
        took = self._took.get(names) if names is not None else None
        took = took or [seconds for known in self._took.values() for seconds in known] or self._first
        return statistics.median(took) if took else None

    def round(self, sets: Sequence[Names], share: float = 1.0) -> None:
        """Each set once, the baseline among them, in an order drawn anew; sets that fail are passed over.

        Raises:
            BudgetSpentError: the round was not ended.
        """
        self.rounds += 1
        order = [names for names in dict.fromkeys([BASELINE, *sets]) if not self.ledger.failure(names)]
        self._random.shuffle(order)
        self._finish(self.rounds, order, share)

    def _finish(self, number: int, order: Sequence[Names], share: float) -> None:
        for at, names in enumerate(order):
            try:
                if not self.ledger.failure(names):
                    self.once(names, number, share)
            except BudgetSpentError:
                self._open.append((number, list(order[at:])))
                raise

    def resume(self) -> None:
        """Ends the rounds that a share of the budget cut short, with all that is left of it.

        Raises:
            BudgetSpentError: that did not suffice.
        """
        for number, order in [self._open.pop() for _ in range(len(self._open))]:
            self._finish(number, order, 1.0)

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
