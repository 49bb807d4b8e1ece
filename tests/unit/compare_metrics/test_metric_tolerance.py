import math

import pytest

from reprokit.compare.metrics import (
    DEFAULT,
    EXACT,
    Tolerance,
    close,
    compare_metrics,
    compare_series,
    relative_difference,
    tolerance_for,
)
from reprokit.errors import UsageError
from reprokit.schema.manifest import Metric


def metric(name, value, source="m.json"):
    return Metric(name=name, value=value, source=source)


@pytest.mark.parametrize(
    ("a", "b", "answer"),
    [
        (1.5, 1.5, True),
        (1.5, 1.5 * (1 + 0.9e-5), True),
        (1.5, 1.5 * (1 + 1.2e-5), False),
        (0.0, 0.9e-8, True),
        (0.0, 2e-8, False),
        (-1.5, 1.5, False),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        (math.inf, math.inf, True),
        (math.inf, -math.inf, False),
        (math.inf, 1e308, False),
        (1e308, -1e308, False),
        ("NaN", math.nan, True),
        ("Infinity", math.inf, True),
        ("-Infinity", "Infinity", False),
        (str(2**60), str(2**60 + 1), False),
        (str(2**60), 2**60, True),
        ("abc", "abc", True),
        ("abc", "abd", False),
        ("abc", 1.0, False),
        (None, None, False),
        (1.0, None, False),
        ("9" * 5000, "9" * 5000, True),
    ],
)
def test_the_default_tolerance(a, b, answer):
    assert close(a, b) is answer
    assert close(b, a) is answer


def test_whole_numbers_are_counts_unless_a_tolerance_is_given():
    assert not close(1_000_000, 1_000_001)
    assert close(1_000_000, 1_000_001, Tolerance(rel=1e-5, source="configured"))
    assert close(1_000_000.5, 1_000_001.0)


def test_ulp_counts_float64_neighbours_through_zero():
    one_up = math.nextafter(1.0, 2)
    tiny = math.nextafter(0.0, 1)
    assert close(1.0, one_up, Tolerance(ulp=1, source="c"))
    assert not close(1.0, math.nextafter(one_up, 2), Tolerance(ulp=1, source="c"))
    assert close(-tiny, tiny, Tolerance(ulp=2, source="c"))
    assert not close(-tiny, tiny, Tolerance(ulp=1, source="c"))
    assert not close(1.0, one_up, EXACT)


def test_large_integers_do_not_overflow():
    assert not close("1" + "0" * 400, "2" + "0" * 400, Tolerance(rel=0.1, ulp=3, source="c"))
    assert relative_difference("1" + "0" * 400, "2" + "0" * 400) == 0.5


def test_rules_as_text():
    assert DEFAULT.rule == "rel 1e-05 + abs 1e-08 (default)"
    assert Tolerance(ulp=4, source="configured").rule == "4 ulp (configured)"
    assert Tolerance(abs=0.1, ulp=4, source="x").rule == "abs 0.1 or 4 ulp (x)"
    assert Tolerance(source="configured").rule == "exact (configured)"


@pytest.mark.parametrize("bad", [{"rel": -1}, {"abs": math.nan}, {"rel": math.inf}, {"ulp": -1}])
def test_impossible_tolerances_are_usage_errors(bad):
    with pytest.raises(UsageError) as raised:
        Tolerance(**bad)
    assert raised.value.code == "RPK004"


def test_the_most_specific_pattern_wins():
    patterns = ["*", "*loss", "val_*", "val_loss", "eval.*.f1", "eval.*"]
    configured = {pattern: Tolerance(abs=index, source=pattern) for index, pattern in enumerate(patterns)}
    winners = {
        "val_loss": "val_loss",
        "train_loss": "*loss",
        "val_acc": "val_*",
        "x": "*",
        "eval.a.f1": "eval.*.f1",
        "eval.a.f2": "eval.*",
    }
    for name, winner in winners.items():
        assert tolerance_for(name, configured).source == winner
        assert tolerance_for(name, dict(reversed(configured.items()))).source == winner
    assert tolerance_for("x", {}) is DEFAULT


def test_verdicts_name_their_rule():
    before = [metric("loss", 0.5), metric("correct", 10), metric("gone", 1.5)]
    after = [metric("loss", 0.5 + 1e-7), metric("correct", 11), metric("new", 2.5)]
    found = {verdict.name: verdict for verdict in compare_metrics(before, after)}
    assert (found["loss"].close, found["loss"].equal) == (True, False)
    assert (found["correct"].close, found["correct"].rule) == (False, "exact, whole numbers (default)")
    assert (found["gone"].close, found["gone"].rule) == (False, "missing in the replay")
    assert (found["new"].close, found["new"].rule) == (False, "missing in the record")
    assert found["new"].recorded is None


def test_configured_tolerances_decide():
    before, after = [metric("loss", 1.0)], [metric("loss", 1.1)]
    assert not compare_metrics(before, after)[0].close
    verdict = compare_metrics(before, after, {"lo*": Tolerance(rel=0.2, source="configured")})[0]
    assert verdict.close
    assert verdict.rule == "rel 0.2 (configured)"


def test_equal_names_of_two_sources_stay_apart():
    before = [metric("loss", 1.5, "a.json"), metric("loss", 2.5, "b.json")]
    assert all(v.equal for v in compare_metrics(before, list(reversed(before))))


def test_series_are_compared_element_by_element():
    good = compare_series({"loss": (1.5, 2.5)}, {"loss": (1.5, 2.5)})[0]
    assert (good.name, good.close, good.equal) == ("loss[]", True, True)
    bad = compare_series({"loss": (1.5, 2.5, 3.5)}, {"loss": (1.5, 2.6, 3.5)})[0]
    assert (bad.name, bad.close, bad.recorded, bad.replayed) == ("loss[1]", False, 2.5, 2.6)
    short = compare_series({"loss": (1.5, 2.5)}, {"loss": (1.5,)})[0]
    assert (short.close, short.recorded, short.replayed, short.rule) == (False, 2.5, None, "length 2 and 1")
    assert not compare_series({"loss": (1.5,)}, {})[0].close
