"""When two numbers count as close, and the verdict on each metric."""

from __future__ import annotations

import fnmatch
import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprokit.errors import UsageError
from reprokit.schema.verdict import MetricVerdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reprokit.schema.manifest import Metric


@dataclass(frozen=True)
class Tolerance:
    """How far two numbers may lie apart.

    Numbers ``a`` and ``b`` are close when ``|a - b| <= abs + rel * max(|a|, |b|)``, or when at most ``ulp``
    representable float64 numbers lie from one to the other. The larger magnitude, not the recorded one, carries ``rel``
    (as in `math.isclose`, PEP 485), so that the answer does not depend on which run came first.

    Attributes:
        rel: relative part, without unit, at least 0.
        abs: absolute part, in the metric's own unit, at least 0.
        ulp: units in the last place of float64, or None for no such allowance.
        source: where the tolerance comes from, shown in the rule: ``default``, ``configured``, ``--tolerance``, ...

    Raises:
        UsageError: RPK004, a part is negative, NaN or infinite.
    """

    rel: float = 0.0
    abs: float = 0.0
    ulp: int | None = None
    source: str = "default"

    def __post_init__(self) -> None:
        for name in ("rel", "abs"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise UsageError("RPK004", f"the tolerance's {name} is {value!r}; it must be finite and at least 0")
        if self.ulp is not None and self.ulp < 0:
            raise UsageError("RPK004", f"the tolerance's ulp is {self.ulp!r}; it must be at least 0")

    @property
    def rule(self) -> str:
        """The tolerance as text: ``rel 1e-05 + abs 1e-08 (default)``."""
        sized = [f"{name} {getattr(self, name):g}" for name in ("rel", "abs") if getattr(self, name)]
        choices = [" + ".join(sized)] if sized else []
        if self.ulp:
            choices.append(f"{self.ulp} ulp")
        return f"{' or '.join(choices) or 'exact'} ({self.source})"


DEFAULT = Tolerance(rel=1e-5, abs=1e-8)
"""The tolerance of metrics for which none is configured.

These are the defaults of `numpy.allclose` and `torch.allclose` (rtol 1e-05, atol 1e-08). A relative 1e-5 is 84 times
the spacing of float32 numbers at 1 (2**-23), which covers another order of summation in a loss or a mean, and is far
below what another random seed does to it. `torch.testing.assert_close` takes rtol 1.3e-6 and atol 1e-5 for float32;
such an absolute part would accept any two losses below 1e-5, so it is not used here. Whole numbers are counts
(correct answers, steps): without a configured tolerance they must be equal.
"""

EXACT = Tolerance(source="exact")


def tolerance_for(name: str, configured: Mapping[str, Tolerance]) -> Tolerance:
    """The tolerance that holds for a metric.

    Args:
        name: the metric's dotted name.
        configured: glob (``val_*``, ``eval.*.f1``) to tolerance. The most specific glob wins: the name itself, then the
            one with most literal characters, then the one with fewest wildcards, then alphabetically.

    Returns:
        The winner, or `DEFAULT` when none matches.
    """
    if name in configured:
        return configured[name]
    matching = [pattern for pattern in configured if fnmatch.fnmatchcase(name, pattern)]
    if not matching:
        return DEFAULT
    return configured[min(matching, key=_vagueness)]


def close(recorded: float | str | None, replayed: float | str | None, tolerance: Tolerance = DEFAULT) -> bool:
    """Whether two values of a metric are close. Symmetric, and true of equal values under every tolerance.

    NaN is close to NaN, an infinity to itself only. Whole numbers are compared exactly under the default tolerance,
    since they are counts. The strings that JSON documents use for NaN, infinities and large integers are read as these;
    any other text is close to itself only. A missing value (None) is close to nothing, not even to another one.
    """
    if recorded is None or replayed is None:
        return False
    a, b = _number(recorded), _number(replayed)
    if a is None or b is None:
        return a is b and recorded == replayed
    if _same(a, b):
        return True
    if not (_is_finite(a) and _is_finite(b)):
        return False
    if tolerance.source == DEFAULT.source and _is_whole(a) and _is_whole(b):
        return False
    return _within(a, b, tolerance)


def relative_difference(recorded: float | str | None, replayed: float | str | None) -> float | None:
    """``|a - b| / max(|a|, |b|)``, without unit: 0 for equal values, None when it is not defined."""
    a, b = (None if value is None else _number(value) for value in (recorded, replayed))
    if a is None or b is None:
        return None
    if _same(a, b):
        return 0.0
    if not (_is_finite(a) and _is_finite(b)):
        return None
    scale = max(abs(a), abs(b))
    return float(abs(a / scale - b / scale))


def compare_metrics(
    recorded: Sequence[Metric], replayed: Sequence[Metric], configured: Mapping[str, Tolerance] | None = None
) -> list[MetricVerdict]:
    """Compares the metrics of two runs by name and source; of several values the last one counts.

    A metric that only one side has is not close, and its rule says ``missing``. Swapping the sides changes no answer.

    Returns:
        One verdict a metric: first those of the record in their order, then those that only the replay has.
    """
    before = {(metric.source, metric.name): metric.value for metric in recorded}
    after = {(metric.source, metric.name): metric.value for metric in replayed}
    return [_verdict(key, before.get(key), after.get(key), configured or {}) for key in {**before, **after}]


def compare_series(
    recorded: Mapping[str, Sequence[float]],
    replayed: Mapping[str, Sequence[float]],
    configured: Mapping[str, Tolerance] | None = None,
    source: str = "",
) -> list[MetricVerdict]:
    """Compares whole series (a loss a step, a score a class), element by element.

    Returns:
        One verdict a series, named ``NAME[i]`` after the first element that is not close, or ``NAME[]`` with the last
        values when all are. Series of unequal length are not close; the rule then says ``length``.
    """
    verdicts = []
    for name in {**recorded, **replayed}:
        a, b = recorded.get(name, ()), replayed.get(name, ())
        tolerance = tolerance_for(name, configured or {})
        bad = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if not close(x, y, tolerance)), None)
        index = (min(len(a), len(b)) if len(a) != len(b) else -1) if bad is None else bad
        ends = [values[index] if -len(values) <= index < len(values) else None for values in (a, b)]
        verdicts.append(
            MetricVerdict(
                name=f"{name}[{index if index >= 0 else ''}]",
                recorded=ends[0],
                replayed=ends[1],
                close=bad is None and len(a) == len(b),
                equal=len(a) == len(b) and all(_equal(x, y) for x, y in zip(a, b, strict=True)),
                rule=f"length {len(a)} and {len(b)}" if bad is None and len(a) != len(b) else tolerance.rule,
                source=source,
            )
        )
    return verdicts


def _verdict(
    key: tuple[str, str], before: float | str | None, after: float | str | None, configured: Mapping[str, Tolerance]
) -> MetricVerdict:
    source, name = key
    tolerance = tolerance_for(name, configured)
    if before is None or after is None:
        rule = "missing in the record" if before is None else "missing in the replay"
    elif tolerance.source == DEFAULT.source and all(_is_whole(_number(value)) for value in (before, after)):
        rule = "exact, whole numbers (default)"
    else:
        rule = tolerance.rule
    return MetricVerdict(
        name=name,
        recorded=before,
        replayed=after,
        close=close(before, after, tolerance),
        equal=_equal(before, after),
        rule=rule,
        source=source,
    )


def _vagueness(pattern: str) -> tuple[int, int, str]:
    wildcards = sum(pattern.count(character) for character in "*?[")
    return -(len(pattern) - wildcards - pattern.count("]")), wildcards, pattern


def _number(value: float | str) -> float | None:
    """The number that a value or its JSON stand-in denotes; an int where float64 could not hold it."""
    if not isinstance(value, str):
        return value
    try:
        return int(value) if value.lstrip("+-").isdecimal() else float(value)
    except ValueError:  # not a number, or an integer beyond the interpreter's limit of digits
        return None


def _same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)  # noqa: PLR0124 - NaN, also where math.isnan would overflow on a large int


def _equal(a: float | str | None, b: float | str | None) -> bool:
    if a is None or b is None:
        return False
    x, y = _number(a), _number(b)
    return _same(x, y) if x is not None and y is not None else a == b


def _is_finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)


def _is_whole(value: float | None) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _within(a: float, b: float, tolerance: Tolerance) -> bool:
    try:
        distance, scale = float(abs(a - b)), float(max(abs(a), abs(b)))
        if distance <= tolerance.abs + tolerance.rel * scale and math.isfinite(distance):
            return True
        return tolerance.ulp is not None and abs(_ordinal(float(a)) - _ordinal(float(b))) <= tolerance.ulp
    except OverflowError:  # integers beyond float64
        return False


def _ordinal(value: float) -> int:
    """Maps float64 to integers so that neighbours differ by 1 and both zeros are 0.

    Source: Bruce Dawson, "Comparing Floating Point Numbers, 2012 Edition": IEEE 754 bit patterns, read as
    sign-magnitude integers, are ordered like the numbers.
    """
    bits: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return bits if bits >= 0 else -(bits & 0x7FFF_FFFF_FFFF_FFFF)
