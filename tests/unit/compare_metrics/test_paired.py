"""Intervals of paired times hold what they promise, and the limits of "it never happened" are right."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprokit.compare.paired import chance_of_silence, joint, paired_ratio, t_quantile, undetected_rate

# Abramowitz and Stegun, table 26.10, and R's qt()
TABLE = [(1, 0.975, 12.7062), (2, 0.975, 4.30265), (4, 0.975, 2.77645), (4, 0.995, 4.60409), (9, 0.95, 1.83311),
         (30, 0.975, 2.04227), (120, 0.975, 1.97993), (1, 0.9995, 636.619)]  # fmt: skip


@pytest.mark.parametrize(("freedom", "probability", "value"), TABLE)
def test_quantiles_of_students_t(freedom, probability, value):
    assert t_quantile(probability, freedom) == pytest.approx(value, rel=1e-5)


def simulated(rng, ratio, noise, rounds):
    """Pairs on a machine that gets slower and faster from round to round, by far more than the noise within one."""
    speeds = [rng.lognormvariate(0, 0.5) for _ in range(rounds)]
    base = [speed * rng.lognormvariate(0, noise) for speed in speeds]
    return base, [speed * ratio * rng.lognormvariate(0, noise) for speed in speeds]


@pytest.mark.parametrize(("rounds", "confidence"), [(2, 0.95), (3, 0.95), (5, 0.95), (5, 0.8), (20, 0.99)])
def test_an_interval_holds_the_planted_ratio_as_often_as_it_says(rounds, confidence):
    rng = random.Random(rounds)
    times = 3000
    quantile = {}
    inside = 0
    for _ in range(times):
        found = paired_ratio(*simulated(rng, 1.07, 0.03, rounds), confidence)
        inside += found.low <= 1.07 <= found.high
        quantile[rounds] = found
    spread = math.sqrt(confidence * (1 - confidence) / times)
    assert abs(inside / times - confidence) < 4 * spread


def test_an_interval_of_unpaired_times_would_not():
    """The control: shuffled, the pairs no longer cancel the machine, and the interval grows by the machine's spread."""
    rng = random.Random(0)
    base, other = simulated(rng, 1.07, 0.01, 12)
    paired = paired_ratio(base, other)
    rng.shuffle(other)
    assert paired.measurable
    assert paired_ratio(base, other).half_width > 5 * paired.half_width


def test_a_cost_that_is_not_there_is_found_as_rarely_as_promised():
    """Joint intervals of eight switches without effect: in at most one list of twenty is any of them called a cost."""
    rng = random.Random(1)
    confidence = joint(0.95, 8)
    lists = 400
    wrong = 0
    for _ in range(lists):
        base, _ = simulated(rng, 1, 0.03, 5)
        others = [[one * rng.lognormvariate(0, 0.03) for one in base] for _ in range(8)]
        wrong += any(paired_ratio(base, other, confidence).measurable for other in others)
    assert wrong / lists < 0.05 + 3 * math.sqrt(0.05 * 0.95 / lists)


@given(st.lists(st.floats(0.01, 1e4), min_size=2, max_size=8), st.floats(0.1, 10))
def test_the_ratio_of_a_multiple_is_exact(base, factor):
    found = paired_ratio(base, [factor * one for one in base])
    assert found.value == pytest.approx(factor)
    assert found.low <= found.value * (1 + 1e-9)
    assert found.high >= found.value * (1 - 1e-9)


@given(st.lists(st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)), min_size=2, max_size=8))
def test_a_slowdown_and_the_speed_up_that_undoes_it_are_mirror_images(pairs):
    base, other = zip(*pairs, strict=True)
    there, back = paired_ratio(base, other), paired_ratio(other, base)
    assert there.value == pytest.approx(1 / back.value)
    assert there.low == pytest.approx(1 / back.high, rel=1e-6)


def test_one_pair_says_nothing():
    assert paired_ratio([1.0], [2.0]) is None
    assert paired_ratio([], []) is None


def test_the_rule_of_three():
    assert undetected_rate(0) == 1
    assert undetected_rate(1) == pytest.approx(0.95)
    assert undetected_rate(100) == pytest.approx(3 / 100, rel=0.02)
    rng = random.Random(2)
    rate = undetected_rate(10)
    silent = sum(all(rng.random() >= rate for _ in range(10)) for _ in range(20_000))
    assert silent / 20_000 == pytest.approx(0.05, abs=0.01)


def test_what_failed_always_is_not_silent_by_luck_and_what_failed_rarely_is():
    assert chance_of_silence(5, 5, 5) < 0.001
    assert chance_of_silence(1, 10, 5) > 0.4
    assert chance_of_silence(1, 10, 60) < chance_of_silence(1, 10, 20) < chance_of_silence(1, 10, 5)
    assert chance_of_silence(3, 4, 0) == 1


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 30))
def test_the_chance_is_that_of_the_beta_binomial_distribution(failures, more, runs):
    trials = failures + more
    a, b = more + 0.5, failures + 0.5
    exact = math.exp(math.lgamma(a + runs) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(a + b + runs))
    assert chance_of_silence(failures, trials, runs) == pytest.approx(exact)
