"""What paired times and repeated runs allow to be said: intervals of a ratio, and the limits of "it never happened".

Pure functions of numbers, standard library only.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIDENCE = 0.95
_TINY = 1e-300
_ROUNDS_OF_FRACTION = 300


@dataclass(frozen=True)
class Ratio:
    """How many times longer one thing takes than another: the estimate and its interval.

    Attributes:
        value: the geometric mean of the pairs' ratios.
        low, high: the interval's ends.
        pairs: the number of pairs that it rests on.
        confidence: how often an interval made in this way holds the true value, 0 to 1.
    """

    value: float
    low: float
    high: float
    pairs: int
    confidence: float

    @property
    def measurable(self) -> bool:
        """Whether the interval tells the ratio from 1."""
        return self.low > 1 or self.high < 1

    @property
    def half_width(self) -> float:
        """Half the interval's width, as a share: 0.02 for 2 %."""
        return math.sqrt(self.high / self.low) - 1

    @property
    def within(self) -> float:
        """The largest cost or gain that the interval does not exclude, as a share."""
        return max(abs(self.low - 1), abs(self.high - 1))


def paired_ratio(baseline: Sequence[float], other: Sequence[float], confidence: float = CONFIDENCE) -> Ratio | None:
    """The ratio of two times that were measured in pairs, from Student's t on the logarithms.

    The logarithm makes a slowdown and the speed-up that undoes it equally large, and what slows down both runs of a
    pair (a busy machine, a hot processor) cancels. https://en.wikipedia.org/wiki/Paired_difference_test

    Args:
        baseline: seconds, one a pair, above 0.
        other: seconds, in the same order.
        confidence: of the interval, 0 to 1.

    Returns:
        None for fewer than two pairs: one ratio says nothing about its own spread.
    """
    logs = [math.log(b / a) for a, b in zip(baseline, other, strict=True)]
    count = len(logs)
    if count < 2:
        return None
    mean = math.fsum(logs) / count
    variance = math.fsum((one - mean) ** 2 for one in logs) / (count - 1)
    reach = t_quantile((1 + confidence) / 2, count - 1) * math.sqrt(variance / count)
    low, high = (math.exp(max(-700.0, min(700.0, mean + side))) for side in (-reach, reach))
    return Ratio(math.exp(mean), low, high, count, confidence)


def joint(confidence: float, statements: int) -> float:
    """The confidence that each of several statements needs so that all hold together (Bonferroni's inequality)."""
    return 1 - (1 - confidence) / max(1, statements)


def undetected_rate(runs: int, confidence: float = CONFIDENCE) -> float:
    """The largest rate of an event that never came in ``runs`` independent runs and cannot be excluded.

    For many runs about 3 / runs, the rule of three. https://doi.org/10.1001/jama.1983.03330370053031

    >>> round(undetected_rate(100), 4)
    0.0295
    """
    return 1.0 if runs <= 0 else 1 - (1 - confidence) ** (1 / runs)


def chance_of_silence(failures: int, trials: int, runs: int) -> float:
    """How probable it is that what failed ``failures`` times in ``trials`` does not fail in ``runs`` further trials.

    The posterior predictive probability under Jeffreys' prior Beta(1/2, 1/2). A switch without effect would look as if
    it helped with this probability. https://en.wikipedia.org/wiki/Beta-binomial_distribution

    >>> round(chance_of_silence(3, 4, 6), 4)
    0.014
    """
    chance = 1.0
    for further in range(runs):
        chance *= (trials - failures + 0.5 + further) / (trials + 1 + further)
    return chance


@functools.cache
def t_quantile(probability: float, freedom: int) -> float:
    """Student's t distribution: the value below which a share ``probability`` (above 1/2) lies.

    Args:
        probability: above 0.5 and below 1.
        freedom: degrees of freedom, at least 1.
    """
    low, high = 0.0, 1.0
    while _t_upper(high, freedom) > 1 - probability:
        low, high = high, high * 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _t_upper(middle, freedom) > 1 - probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _t_upper(value: float, freedom: int) -> float:
    """The probability of a value above ``value`` >= 0 (Abramowitz and Stegun 26.7.1)."""
    return _incomplete_beta(freedom / (freedom + value * value), freedom / 2, 0.5) / 2


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Numerical Recipes, section 6.4)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    total = d
    for m in range(1, _ROUNDS_OF_FRACTION):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for part in (even, odd):
            d, c = 1 / _away(1 + part * d), _away(1 + part / c)
            total *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * total / a


def _away(value: float) -> float:
    """A value that can be divided by."""
    return value if abs(value) > _TINY else _TINY
