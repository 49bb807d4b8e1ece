"""`reprokit.deterministic` finds what is not deterministic, names the place, and lets Hypothesis shrink it."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import reprokit
from reprokit.errors import UsageError
from reprokit.strategies import arrays_with_edges, batches, seeds, tensors

BITS = np.random.default_rng(0)


def flipped(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Adds one ULP to a random element."""
    out = array.copy()
    if out.size:
        at = BITS.integers(out.size)
        out.flat[at] = np.nextafter(out.flat[at], np.inf, dtype=out.dtype)
    return out


@settings(max_examples=60, deadline=None)
@given(tensors(("float32", "float64", "bfloat16", "int64")), seeds())
@reprokit.deterministic(runs=3)
def test_a_seeded_function_passes_on_every_edge_case(tensor: torch.Tensor, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed - (1 << 64) if seed >= 1 << 63 else seed)
    noise = torch.rand(tensor.shape, generator=generator)
    return torch.sort((tensor + noise).flatten()).values


def test_nan_signed_zero_and_empty_results_are_equal_to_themselves() -> None:
    @reprokit.deterministic(runs=2)
    def same(value: Any) -> Any:
        return value

    for value in (float("nan"), -0.0, np.array([]), np.array(np.nan), np.array([-0.0, np.inf]), None, {"a": (1, [2])}):
        same(value)


def test_a_difference_of_one_ulp_is_named() -> None:
    @reprokit.deterministic()
    def noisy(array: np.ndarray[Any, Any]) -> dict[str, Any]:
        return {"fixed": 1, "weights": flipped(array)}

    with pytest.raises(AssertionError) as caught:
        [noisy(np.ones((2, 3), dtype=np.float32)) for _ in range(20)]
    message = str(caught.value)
    assert "noisy is not deterministic" in message
    assert "weights at index [" in message
    assert "1 ULP" in message


def test_minus_zero_is_not_zero() -> None:
    signs = itertools.cycle([0.0, -0.0])

    @reprokit.deterministic()
    def zero() -> float:
        return next(signs)

    with pytest.raises(AssertionError, match=r"0\.0 and -0\.0"):
        zero()


@pytest.mark.parametrize(
    ("draw", "name"),
    [(random.random, "random"), (np.random.rand, "numpy.random"), (lambda: torch.rand(1), "torch")],
)
def test_the_generator_that_was_drawn_from_is_named(draw: Any, name: str) -> None:
    @reprokit.deterministic()
    def drawn() -> Any:
        return draw()

    with pytest.raises(AssertionError, match=f"global generator of {name}"):
        drawn()


def test_arguments_are_copied_and_a_changed_result_is_noticed() -> None:
    kept = np.zeros(2)

    @reprokit.deterministic()
    def grows(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        array += 1
        return array

    array = np.zeros(2)
    assert grows(array).tolist() == [1, 1]
    assert array.tolist() == [0, 0]

    @reprokit.deterministic()
    def shared() -> np.ndarray[Any, Any]:
        nonlocal kept
        kept += 1
        return kept

    with pytest.raises(AssertionError, match=r"first at \(root\) at index"):
        shared()


def test_a_later_call_that_raises_is_a_difference() -> None:
    calls = itertools.count()

    @reprokit.deterministic()
    def once() -> int:
        if next(calls):
            raise OSError("used up")
        return 0

    with pytest.raises(AssertionError, match=r"call 2 .* raised OSError: used up"):
        once()


def test_equal_decides_where_it_is_given() -> None:
    values = itertools.count()

    @reprokit.deterministic(equal=lambda a, b: abs(a - b) < 5)
    def close() -> int:
        return next(values)

    assert close() == 0
    far = reprokit.deterministic(equal=lambda a, b: a == b)(lambda: next(values))
    with pytest.raises(AssertionError, match="`equal`"):
        far()


def test_hypothesis_shrinks_to_the_smallest_input_that_is_not_deterministic() -> None:
    """The planted fault: rows are visited in an order that changes, which shows from two different rows on."""
    turn = itertools.count()

    @settings(max_examples=300, deadline=None, database=None)
    @given(st.lists(st.integers(0, 9), max_size=8))
    @reprokit.deterministic()
    def visited(rows: list[int]) -> list[int]:
        return rows if next(turn) % 2 else rows[::-1]

    with pytest.raises(AssertionError) as caught:
        visited()
    notes = "\n".join(getattr(caught.value, "__notes__", []))
    assert "rows=[0, 1]" in notes or "rows=[1, 0]" in notes, notes


@given(arrays_with_edges(("float16", "float32", "float64", "int64", "bool")))
@settings(max_examples=50, deadline=None)
@reprokit.deterministic()
def test_summing_is_deterministic_whatever_the_layout(array: np.ndarray[Any, Any]) -> Any:
    with np.errstate(all="ignore"):
        return array.sum()


def _met(strategy: Any, wanted: dict[str, Any]) -> set[str]:
    """Which of ``wanted`` some example of ``strategy`` fulfils."""
    found: set[str] = set()

    @settings(max_examples=400, deadline=None, database=None)
    @given(strategy)
    def look(value: Any) -> None:
        found.update(name for name, holds in wanted.items() if holds(value))

    look()
    return found


def test_arrays_and_tensors_have_their_edge_cases() -> None:
    arrays = {
        "nan": lambda a: np.isnan(a).any(),
        "inf": lambda a: np.isinf(a).any(),
        "-0.0": lambda a: ((a == 0) & np.signbit(a)).any(),
        "subnormal": lambda a: ((a != 0) & (abs(a) < np.finfo(a.dtype).tiny)).any(),
        "empty": lambda a: a.size == 0,
        "0-d": lambda a: a.ndim == 0,
        "not contiguous": lambda a: not a.flags.c_contiguous,
        "negative stride": lambda a: any(stride < 0 for stride in a.strides),
        "plain": lambda a: a.size > 1 and np.isfinite(a).all() and a.flags.c_contiguous,
    }
    assert _met(arrays_with_edges(("float32", "float64")), arrays) == set(arrays)
    torch_cases = {
        "nan": lambda t: t.isnan().any(),
        "empty": lambda t: t.numel() == 0,
        "0-d": lambda t: t.dim() == 0,
        "not contiguous": lambda t: not t.is_contiguous(),
        "bfloat16": lambda t: t.dtype == torch.bfloat16,
        "strided bfloat16": lambda t: t.dtype == torch.bfloat16 and not t.is_contiguous(),
        "-0.0": lambda t: ((t == 0) & t.signbit()).any(),
    }
    assert _met(tensors(("float32", "bfloat16")), torch_cases) == set(torch_cases)


def test_seeds_and_batches_have_their_edge_cases() -> None:
    edges = (0, 2**32 - 1, 2**63, 2**64 - 1)
    assert _met(seeds(), {str(edge): lambda seed, edge=edge: seed == edge for edge in edges}) == set(map(str, edges))
    assert _met(
        batches((2,), max_size=3),
        {
            "none": lambda b: len(b[0]) == 0,
            "one": lambda b: len(b[0]) == 1,
            "repeated": lambda b: len(b[0]) > 1 and b[0][0].tobytes() == b[0][-1].tobytes() and b[1][0] == b[1][-1],
            "shapes": lambda b: b[0].shape[1:] == (2,) and b[1].shape == b[0].shape[:1] and b[1].dtype == np.int64,
        },
    ) == {"none", "one", "repeated", "shapes"}


def test_options_and_arguments() -> None:
    assert _met(arrays_with_edges(finite=True), {"not finite": lambda a: not np.isfinite(a).all()}) == set()
    assert _met(tensors(shape=(2, 3), requires_grad=True), {"other": lambda t: t.shape != (2, 3) or not t.is_leaf
                                                            or not t.requires_grad}) == set()  # fmt: skip
    for make in (lambda: arrays_with_edges("float8"), lambda: tensors("text"), lambda: batches(dtype="x")):
        with pytest.raises(UsageError, match="RPK001"):
            make()


def test_wrong_use_is_refused() -> None:
    with pytest.raises(UsageError, match="RPK001"):
        reprokit.deterministic(1)

    async def later() -> None: ...

    def numbers() -> Any:
        yield 1

    given_first = given(st.integers())(lambda value: value)
    for function in (later, numbers, given_first):
        with pytest.raises(UsageError, match="RPK001"):
            reprokit.deterministic()(function)
    with pytest.raises(UsageError, match="RPK085"):
        reprokit.deterministic()(lambda value: value)(x for x in "ab")
    with pytest.raises(UsageError, match="RPK070"):
        reprokit.deterministic()(object)()


def test_without_hypothesis_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "hypothesis.extra.numpy", None)
    with pytest.raises(UsageError, match="RPK084") as caught:
        seeds()
    assert "pip install hypothesis" in caught.value.hint
