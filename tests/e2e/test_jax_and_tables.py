"""JAX, scikit-learn and boosting scripts, recorded unchanged, replay bitwise, and a fault is found in its place."""

from __future__ import annotations

import sys

import pytest

pytestmark = pytest.mark.frameworks
DIGITS = (sys.executable, "jax_digits.py")
HAND = (sys.executable, "jax_by_hand.py")
BOOSTING = (sys.executable, "boosting.py")
TABLES = (sys.executable, "sklearn_many.py")


def _traced(verdict):
    return {trace["stream"]: trace["steps_compared"] for trace in verdict["traces"]}


@pytest.mark.parametrize(
    ("command", "traced"),
    [
        (DIGITS, {"jax_digits": 20}), (HAND, {"jax_by_hand": 8}),
        (BOOSTING, {"boosting/xgboost": 4, "boosting/lightgbm": 3, "boosting/fits": 1}),
        (TABLES, {"sklearn_many/fits": 4}),
    ],
    ids=["jax", "jax by hand", "boosting", "sklearn"],
)  # fmt: skip
@pytest.mark.parametrize("seeds", [True, False], ids=["seeded", "unseeded"])
def test_replays_bitwise(training, command, traced, seeds):
    # without it a busy machine leaves out steps: what is digested is chosen by the clock
    verdict = training.replay(training.record(*command, seeds=seeds, options=("--trace", "full")))
    assert (verdict["tier"], verdict["status"]) == ("bitwise", "verified"), verdict["reason"]
    assert _traced(verdict) == traced
    assert all(trace["steps_recorded"] == trace["steps_compared"] for trace in verdict["traces"])


def _place(verdict):
    found = verdict["divergence"]
    return found["step"], found["part"], found["tensor"]


def test_a_moved_weight_of_a_compiled_update(training):
    fault = training.plant(
        "x, y = images[chosen], labels[chosen]",
        'if step == 13: params["out"] = params["out"].at[3, 4].set(jnp.nextafter(params["out"][3, 4], 9.0))',
    )
    verdict = training.diverges(DIGITS, fault)
    assert _place(verdict) == (13, "parameters", "params['out']")
    assert "between update 12 and the forward pass of step 13" in verdict["divergence"]["detail"]


def test_a_swapped_batch_of_a_compiled_update(training):
    fault = training.plant("params, state, loss = update(params, state, x, y)", "if step == 7: x, y = x[::-1], y[::-1]")
    verdict = training.diverges(DIGITS, fault)
    assert _place(verdict)[:2] == (7, "batch")
    assert verdict["divergence"]["cause"] == "data order"


def test_a_moved_weight_of_steps_that_the_script_marks(training):
    fault = training.plant("w = w - 0.1 * gradient", "if step == 5: w = w.at[0, 0].add(1e-6)", after=True)
    verdict = training.diverges(HAND, fault)
    assert verdict["divergence"]["step"] == 5
    assert verdict["divergence"]["part"] == "parameters"


def test_other_labels_of_a_booster(training):
    fault = training.plant("first = xgboost.train(", "y[0] = (y[0] + 1) % 10")
    verdict = training.diverges(BOOSTING, fault)
    assert _place(verdict)[:2] == (1, "batch")


def test_a_parameter_of_one_estimator(training):
    fault = training.plant("clusters = KMeans(5, n_init=1).fit(x)", "x = x.copy(); x[0, 0] += 1e-9")
    verdict = training.diverges(TABLES, fault)
    step, part, tensor = _place(verdict)
    assert (step, part) == (4, "batch")
    assert tensor == "KMeans#1(X)"
