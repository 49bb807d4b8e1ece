"""The rounds and the search of `reprokit price`, on simulated scripts: their costs and races are known."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace

import pytest

from reprokit.compare.paired import CONFIDENCE, joint
from reprokit.schema.tiers import Tier
from reprokit.verbs.pricing.ledger import BASELINE, KEPT, Evidence, Trial, classes
from reprokit.verbs.pricing.measuring import FEWEST_ROUNDS, Bench
from reprokit.verbs.pricing.search import Search, basis

NAMES = ["a", "b", "c", "d"]
ALONE = [frozenset([name]) for name in NAMES]
ALL = frozenset(NAMES)


@dataclass
class Script:
    """A simulated training script.

    It takes a second, and its bits differ with probability ``racy`` unless one of the sets in ``cures`` is on.

    Attributes:
        costs: switch -> factor on its time; factors multiply.
        noise: standard deviation of the logarithm of a run's time.
        drift: factor on the time a run.
        crashes: switches that it does not survive.
        unheld: switches that it takes back.
    """

    costs: dict[str, float] = field(default_factory=dict)
    cures: tuple[frozenset[str], ...] = ()
    racy: float = 1.0
    noise: float = 0.02
    drift: float = 1.0
    crashes: frozenset[str] = frozenset()
    unheld: frozenset[str] = frozenset()
    seed: int = 0

    def __post_init__(self) -> None:
        self.now = 0.0
        self.runs: list[frozenset[str]] = []
        self._random = random.Random(self.seed)
        self._slow = 1.0
        self._kept: dict[frozenset[str], list[int]] = {}

    def bits(self, names: frozenset[str]) -> int:
        """Equal numbers stand for equal results."""
        cured = any(cure <= names for cure in self.cures)
        return self._random.getrandbits(60) if not cured and self._random.random() < self.racy else 0

    def run(self, names: frozenset[str], number: int, _limit: float) -> Trial:
        self.runs.append(names)
        self._slow *= self.drift
        seconds = self._slow * self._random.lognormvariate(0, self.noise)
        for name in names:
            seconds *= self.costs.get(name, 1.0)
        self.now += seconds
        if names & self.crashes:
            return Trial(names, number, seconds, exit_status=1, record=Tier.NONE, failed="RuntimeError: no kernel")
        bits = self.bits(names)
        close = {True: Tier.BITWISE, False: Tier.METRIC_CLOSE}
        kept = self._kept.setdefault(names, [])
        kin = tuple(close[bits == one] for one in kept)
        if Tier.BITWISE not in kin and len(kept) < KEPT:
            kept.append(bits)
        return Trial(
            names, number, seconds, seconds * 0.9, record=close[bits == 0], kin=kin,
            unheld=dict.fromkeys(names & self.unheld, "the script took it back"),
        )  # fmt: skip

    def bench(self, budget: float = 1e6, seed: int = 0) -> Bench:
        return Bench(self.run, budget, seed, clock=lambda: self.now)


def priced(script, rounds=5, budget=1e6, seed=0):
    bench = script.bench(budget, seed)
    bench.once(BASELINE)
    return bench, bench.measure([*ALONE, ALL], rounds)


def cheapest(bench, tier=Tier.BITWISE, against="replays", runs=5):
    return Search(bench, NAMES, tier, against, runs).cheapest()


def test_a_planted_cost_is_found_and_nothing_else():
    bench, stopped = priced(Script(costs={"b": 1.2}, noise=0.02, drift=1.01), rounds=6)
    assert stopped == "rounds"
    confidence = joint(CONFIDENCE, 5)
    costs = {name: bench.ledger.cost(frozenset([name]), "training", confidence) for name in NAMES}
    assert costs["b"].measurable
    assert costs["b"].low < 1.2 < costs["b"].high
    assert not any(costs[name].measurable for name in "acd")
    assert bench.ledger.cost(ALL, "training", confidence).measurable


def test_every_round_runs_every_set_once_in_an_order_drawn_from_the_seed():
    script = Script()
    priced(script, rounds=3, seed=7)
    rounds = [script.runs[1 + 6 * n : 7 + 6 * n] for n in range(3)]
    assert all(set(one) == {BASELINE, *ALONE, ALL} for one in rounds)
    assert len({tuple(map(frozenset, one)) for one in rounds}) > 1
    again, other = Script(), Script()
    priced(again, rounds=3, seed=7)
    priced(other, rounds=3, seed=8)
    assert again.runs == script.runs != other.runs


def test_quiet_machines_need_fewer_rounds_and_loud_ones_all():
    assert priced(Script(noise=0.0005), rounds=50)[1] == "precise"
    bench, _ = priced(Script(noise=0.0005), rounds=50)
    assert bench.rounds == FEWEST_ROUNDS
    assert priced(Script(noise=0.2), rounds=6)[1] == "rounds"


def test_stopping_early_keeps_the_intervals_honest():
    """Simulation of the whole procedure: looking after each round costs little of the joint coverage."""
    missed = stopped_early = 0
    lists = 150
    for seed in range(lists):
        bench, stopped = priced(Script(costs={"a": 1.05}, noise=0.006, seed=seed), rounds=12, seed=seed)
        stopped_early += stopped == "precise"
        confidence = joint(CONFIDENCE, 5)
        found = {name: bench.ledger.cost(frozenset([name]), "training", confidence) for name in NAMES}
        missed += any(not one.low <= (1.05 if name == "a" else 1) <= one.high for name, one in found.items())
    assert stopped_early > lists / 10
    assert missed / lists <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / lists)


def test_a_budget_is_kept():
    script = Script()
    _, stopped = priced(script, rounds=100, budget=20.0)
    assert stopped == "budget"
    assert 15 < script.now <= 20


def test_nothing_is_needed_where_everything_repeats():
    bench, _ = priced(Script(racy=0.0, costs={"a": 0.5}))
    found = cheapest(bench)
    assert (found.names, found.settled) == (BASELINE, True)
    said = basis(bench.ledger, BASELINE, Tier.BITWISE, "replays")
    assert "6 runs agreed with each other" in said
    assert "39% of runs" in said


@pytest.mark.parametrize("racy", [1.0, 0.6, 0.3])
@pytest.mark.parametrize("seed", range(12))
def test_the_one_switch_that_helps_is_named_however_rarely_it_fails_without_it(racy, seed):
    """A race that shows in a third of the runs lets a useless switch look good for a while."""
    bench, _ = priced(Script(racy=racy, cures=(frozenset("c"),), seed=seed))
    found = cheapest(bench)
    assert found.names in (frozenset("c"), BASELINE, None)
    if found.names == BASELINE:  # it never showed: claimed for what was run, and no more
        assert not bench.ledger.evidence(BASELINE, Tier.BITWISE, "replays").failed
    if racy == 1.0:
        assert found.names == frozenset("c")


def test_without_asking_for_luck_a_useless_switch_would_be_named(monkeypatch):
    """The control of the test above."""
    monkeypatch.setattr(Search, "_luck", lambda *_: 0.0)
    named = set()
    for seed in range(40):
        bench, _ = priced(Script(racy=0.3, cures=(frozenset("c"),), seed=seed))
        named.add(cheapest(bench).names)
    assert named & {frozenset("a"), frozenset("b"), frozenset("d")}


def test_of_two_that_help_the_cheaper_one():
    bench, _ = priced(Script(cures=(frozenset("b"), frozenset("d")), costs={"b": 1.5, "d": 1.1}))
    assert cheapest(bench).names == frozenset("d")


def test_two_switches_that_help_only_together():
    script = Script(cures=(frozenset("bd"),), costs={"a": 1.5, "c": 1.1, "b": 1.1})
    bench, _ = priced(script)
    found = cheapest(bench)
    assert found.names == frozenset("bd")
    assert script.runs.count(frozenset("bd")) >= 5, "the set itself was run"
    assert bench.ledger.cost(frozenset("bd"), "training") is not None, "and priced in pairs"


def test_two_cheap_ones_together_beat_one_that_is_dear():
    bench, _ = priced(Script(cures=(frozenset("a"), frozenset("bd")), costs={"a": 2.0, "b": 1.01}))
    assert cheapest(bench).names == frozenset("bd")


def test_none_helps():
    found = cheapest(priced(Script())[0])
    assert (found.names, found.settled) == (None, True)
    assert "none held it, a + b + c + d among them" in found.reason


def test_against_the_record_and_among_themselves_are_kept_apart():
    """The record's bits are 0, which the cure gives; without it every run has its own."""
    script = Script(cures=(frozenset("c"),))
    script.bits = lambda names: 1 if "c" in names else script._random.getrandbits(60) + 2
    bench, _ = priced(script)
    assert cheapest(bench).names == frozenset("c")
    assert cheapest(bench, against="record").names is None
    assert cheapest(bench, Tier.METRIC_CLOSE, against="record").names == BASELINE


def test_a_switch_that_crashes_the_script_is_in_no_answer():
    script = Script(cures=(frozenset("a"), frozenset("c")), costs={"c": 1.3}, crashes=frozenset("a"))
    bench, _ = priced(script)
    assert script.runs.count(frozenset("a")) == 1
    assert bench.ledger.failure(frozenset("a")) == "RuntimeError: no kernel"
    assert cheapest(bench).names == frozenset("c")


def test_a_switch_that_was_not_in_force_is_in_no_answer():
    bench, _ = priced(Script(cures=(frozenset("a"),), unheld=frozenset("a")))
    assert cheapest(bench).names is None


def test_a_budget_that_ends_too_early_claims_nothing():
    script = Script(cures=(frozenset("c"),))
    bench = script.bench(budget=18)
    bench.once(BASELINE)
    bench.measure([*ALONE, ALL], 3, share=0.9)
    found = cheapest(bench)
    assert (found.names, found.settled) == (None, False)
    assert "the budget ended" in found.reason
    assert "held in" in found.reason


B, M, R = Tier.BITWISE, Tier.METRIC_CLOSE, Tier.RE_RUNNABLE


@pytest.mark.parametrize(
    ("kin", "tier", "sizes"),
    [
        ([(), (B,), (B,)], B, [3]),
        ([(), (M,), (M, B), (M, B), (M, B)], B, [4, 1]),  # the first run is the odd one out
        ([(), (M,), (M, B), (M, B), (M, B)], M, [5]),
        ([(), (R,), (R, M)], M, [2, 1]),
        ([(), (M,), (M, M), (M, M, M), (M,) * 4, (M,) * 4], B, [1] * 6),  # the last two are not kept
        ([()], B, [1]),
        ([], B, []),
    ],
)
def test_groups_of_runs_that_agree(kin, tier, sizes):
    trials = [Trial(BASELINE, 1, 1.0, record=M, kin=one) for one in kin]
    assert sorted(classes(trials, tier), reverse=True) == sizes


def test_what_holds_a_higher_tier_needs_no_further_run_for_a_lower_one():
    """A failure that shows once in four runs would else take dozens of runs to tell from luck."""
    script = Script(cures=(frozenset("c"),), racy=0.3, seed=4)
    bench, _ = priced(script)
    before = len(script.runs)
    found = Search(bench, NAMES, Tier.BITWISE, "replays", 5, proven=frozenset("c")).cheapest()
    assert found.names == frozenset("c")
    assert len(script.runs) == before
    bench.ledger.add(Trial(frozenset("c"), 0, 1.0, record=Tier.NONE, failed="it broke"))
    again = Search(bench, NAMES, Tier.BITWISE, "replays", 5, proven=frozenset("c")).cheapest()
    assert again.names != frozenset("c"), "a later run refutes it"


def test_a_run_that_failed_agrees_with_none_and_is_not_kept():
    failed = Trial(BASELINE, 1, 1.0, record=Tier.NONE, failed="it broke")
    sound = [Trial(BASELINE, 1, 1.0, record=M, kin=kin) for kin in ((), (B,), (B,))]
    assert sorted(classes([failed, *sound, failed], B)) == [1, 1, 3]


def _claims_of_none(recorded_alike):
    """How often no switch is said to be needed for a script that differs in a third of its runs, of those it varied in.

    The record is one of the script's rare results, or everything else would be known by the first replays.
    """
    claims = doubted = 0
    for seed in range(60):
        script = Script(racy=0.3, cures=(frozenset("c"),), seed=seed)
        bench, _ = priced(script, rounds=3)
        apart = [bench.ledger.evidence(names, Tier.BITWISE, "replays").failed for names in (*ALONE, BASELINE)]
        if recorded_alike:
            bench.ledger.trials[:] = [replace(trial, record=Tier.METRIC_CLOSE) for trial in bench.ledger.trials]
        if apart[-1] or not (recorded_alike or any(apart)):
            continue
        doubted += 1
        search = Search(bench, NAMES, Tier.BITWISE, "replays", 3, recorded_alike=recorded_alike)
        claims += search.cheapest().names == BASELINE
    assert doubted > 10
    return claims / doubted


@pytest.mark.parametrize("recorded_alike", [False, True])
def test_no_switch_is_not_named_by_luck_where_more_switches_or_the_record_differ(recorded_alike, monkeypatch):
    assert _claims_of_none(recorded_alike) <= 0.1
    monkeypatch.setattr(Search, "_doubt", lambda *_: Evidence(0, 0))
    assert _claims_of_none(recorded_alike) > 0.5, "the control: without asking, luck is believed"


def test_a_record_that_differs_for_a_reason_of_its_own_costs_some_runs_and_no_more():
    script = Script(racy=0.0)
    bench, _ = priced(script, rounds=3)
    bench.ledger.trials[:] = [replace(trial, record=Tier.METRIC_CLOSE) for trial in bench.ledger.trials]
    found = Search(bench, NAMES, Tier.BITWISE, "replays", 3, recorded_alike=True).cheapest()
    assert found.names == BASELINE
    assert len(bench.ledger.of(BASELINE)) == 12
