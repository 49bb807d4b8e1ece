"""Laws of tolerances and extraction, for any numbers and any bytes."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from reprokit.compare.metrics import (
    DEFAULT,
    EXACT,
    Tolerance,
    close,
    compare_metrics,
    from_csv,
    from_json,
    from_jsonl,
    from_stdout,
    from_values,
    relative_difference,
)
from reprokit.schema.manifest import Metric

numbers = st.floats() | st.integers(-(2**70), 2**70).map(float) | st.sampled_from(["NaN", "Infinity", str(2**60)])
parts = st.floats(0, 10)
tolerances = st.builds(Tolerance, rel=parts, abs=parts, ulp=st.none() | st.integers(0, 1000), source=st.just("c"))
names = st.sampled_from(["loss", "acc", "f1", "n"])
metrics = st.lists(st.builds(Metric, name=names, value=numbers, source=st.sampled_from(["a", "b"])), max_size=6)


@given(numbers, numbers, tolerances | st.just(DEFAULT))
def test_close_is_symmetric_and_reflexive(a, b, tolerance):
    assert close(a, b, tolerance) is close(b, a, tolerance)
    assert close(a, a, tolerance)


@given(numbers, numbers, tolerances)
def test_a_wider_tolerance_never_refuses_what_a_narrower_one_takes(a, b, tolerance):
    wider = Tolerance(tolerance.rel * 2, tolerance.abs * 2, (tolerance.ulp or 0) * 2, "c")
    if close(a, b, EXACT):
        assert close(a, b, tolerance)
    if close(a, b, tolerance):
        assert close(a, b, wider)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 50))
def test_ulp_counts_steps(start, count):
    end = start
    for _ in range(count):
        end = math.nextafter(end, math.inf)
    if math.isfinite(end):
        assert close(start, end, Tolerance(ulp=count, source="c"))
        assert close(start, end, Tolerance(ulp=count - 1, source="c")) is (start == end)


@given(numbers, numbers)
def test_relative_difference_is_symmetric_and_bounded(a, b):
    found = relative_difference(a, b)
    assert found == relative_difference(b, a)
    assert found is None or 0 <= found <= 2


@given(metrics, metrics)
def test_swapping_sides_changes_no_answer(before, after):
    def answers(verdicts):
        return {(v.source, v.name): (v.close, v.equal) for v in verdicts}

    assert answers(compare_metrics(before, after)) == answers(compare_metrics(after, before))


@given(metrics)
def test_a_run_is_close_to_itself(before):
    assert all(v.close and v.equal for v in compare_metrics(before, before))


@given(st.text() | st.binary())
def test_no_text_raises(data):
    from_json(data, "x")
    from_jsonl(data, "x")
    from_csv(data, "x")
    from_stdout(data if isinstance(data, str) else data.decode("latin-1"))


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=15,
)


@given(plain)
def test_json_text_and_values_agree(value):
    one, two = from_json(json.dumps(value), "x"), from_values(value, "x")
    assert repr(one.metrics) == repr(two.metrics)
    assert one.ignored == two.ignored


@given(plain, st.booleans())
def test_booleans_and_texts_never_count(value, flag):
    assert repr(from_values({"a": value}, "x")) == repr(from_values({"a": value, "b": flag, "c": "text"}, "x"))
