"""How the rounds of `reprokit price` spend their budget, on a clock that is told what a run takes."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from reprokit.schema.tiers import Tier
from reprokit.verbs.pricing.ledger import BASELINE, Trial
from reprokit.verbs.pricing.listing import Listing
from reprokit.verbs.pricing.measuring import Bench, BudgetSpentError

A, B, C = frozenset("a"), frozenset("b"), frozenset("c")


@dataclass
class Machine:
    """Runs take ``seconds``, the first one ``first``; a run that would pass its limit is stopped there."""

    seconds: float = 15.0
    first: float = 15.0
    slow: dict[frozenset[str], float] = field(default_factory=dict)
    now: float = 0.0
    runs: list[tuple[frozenset[str], int]] = field(default_factory=list)

    def run(self, names: frozenset[str], number: int, limit: float) -> Trial:
        takes = self.slow.get(names, self.seconds if self.runs else self.first)
        self.runs.append((names, number))
        self.now += min(takes, limit)
        if takes > limit:
            return Trial(names, number, limit, exit_status=None, timed_out=True)
        return Trial(names, number, takes, record=Tier.BITWISE)

    def bench(self, budget: float) -> Bench:
        return Bench(self.run, budget, 0, clock=lambda: self.now)


def rounds_until_it_ends(bench: Bench) -> None:
    bench.once(BASELINE)
    assert bench.measure([A, B, C], 100) == "budget"


@pytest.mark.parametrize("budget", [60, 74, 75, 89, 120])
def test_a_run_begins_as_long_as_one_fits(budget):
    machine = Machine()
    rounds_until_it_ends(machine.bench(budget))
    assert len(machine.runs) == budget // 15


def test_a_slow_first_run_does_not_stand_for_all():
    machine = Machine(first=60.0)
    rounds_until_it_ends(machine.bench(60 + 4 * 15))
    assert len(machine.runs) == 1 + 4


def test_a_set_that_is_known_to_be_slow_does_not_begin():
    machine = Machine(slow={A: 100.0})
    bench = machine.bench(200)
    for names in (BASELINE, B, C, A):
        bench.once(names)
    with pytest.raises(BudgetSpentError):
        bench.once(A)
    bench.once(B)
    assert bench.typical(A) == 100
    assert bench.typical(BASELINE) == bench.typical() == 15


def test_nothing_is_typical_before_the_first_run():
    assert Machine().bench(10).typical() is None


def test_a_round_that_a_share_cut_short_goes_on_where_it_stopped():
    machine = Machine()
    bench = machine.bench(100)
    bench.once(BASELINE)
    with pytest.raises(BudgetSpentError):
        bench.round([A, B, C], 0.5)
    assert len(machine.runs) == 3
    bench.once(BASELINE)  # the search
    bench.resume()
    assert sorted(map(sorted, (names for names, number in machine.runs if number == 1))) == [[], ["a"], ["b"], ["c"]]
    bench.resume()
    assert len(machine.runs) == 6


def test_a_round_that_cannot_be_ended_stays_open():
    machine = Machine()
    bench = machine.bench(50)
    bench.once(BASELINE)
    with pytest.raises(BudgetSpentError):
        bench.round([A, B, C], 0.7)
    with pytest.raises(BudgetSpentError):
        bench.resume()
    assert len(machine.runs) == 3
    with pytest.raises(BudgetSpentError):
        bench.resume()


def test_a_switch_whose_only_run_was_cut_off_was_not_run(monkeypatch):
    machine = Machine(slow={A: 1000.0})
    bench = machine.bench(40)
    bench.once(BASELINE)
    with pytest.raises(BudgetSpentError):
        bench.once(A)
    assert machine.now == 40
    name = "torch.num_threads"
    for at, trial in enumerate(bench.ledger.trials):
        if trial.names == A:
            bench.ledger.trials[at] = Trial(frozenset([name]), 1, trial.seconds, timed_out=True)
    row = Listing(bench.ledger, {name: 1}, 0.95)._switch(name, _NoFacts())
    assert (row.status, row.reason) == ("not-run", "the budget ended during its first run")


class _NoFacts:
    was: dict[str, object] = {}  # noqa: RUF012
