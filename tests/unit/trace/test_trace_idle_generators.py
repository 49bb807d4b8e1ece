"""Two recordings start with other states of generators that they never use: no difference, and never a cause."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from reprokit.trace.align import align
from reprokit.trace.columns import Trace, write_columns
from reprokit.trace.raw import PLAN, Column, RawWriter

if TYPE_CHECKING:
    from pathlib import Path

STEPS = 4
NAMES = {
    "entry": ["weight"],
    "batch": ["0"],
    "rng": [f"before {moment}/{name}" for moment in ("forward", "backward") for name in ("python", "torch")],
    "parameters": ["weight"],
}


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _trace(directory: Path, changes: dict[tuple[int, str, str], str], *, left_out: int = 0) -> Trace:
    """PyTorch's generator moves in each step, Python's stands still; ``changes`` replaces what is digested.

    In the step ``left_out`` the generators are not digested.
    """
    directory.mkdir()
    with (directory / "blocks").open("wb") as blocks, (directory / "rows").open("wb") as rows:
        writer = RawWriter(blocks.write, rows.write)
        for step in range(1, STEPS + 1):
            written = []
            for part, keys in NAMES.items():
                if part == "rng" and step == left_out:
                    continue
                number = writer.block(part, "test-hash", tuple(Column(key, key) for key in keys))
                content = [
                    changes.get((step, part, key)) or changes.get((0, part, key))
                    or (key.rpartition("/")[2] if key.endswith("python") else f"{step} {part} {key}")
                    for key in keys
                ]  # fmt: skip
                written.append((number, b"".join(map(_digest, content))))
            writer.row(step, PLAN, 0.5, 0.1, written)
    assert write_columns(directory, directory / "columns", level="full") is not None
    return Trace.at(directory / "columns")


PLACES = {"entry": "parameters", "batch": "batch"}
CAUSES = {"entry": "initial state", "batch": "data order"}
IDLE = {(0, "rng", "before forward/python"): "other", (0, "rng", "before backward/python"): "other"}


def test_a_generator_that_nobody_drew_from_is_left_out_and_named(tmp_path: Path) -> None:
    a, b = _trace(tmp_path / "a", {}), _trace(tmp_path / "b", IDLE)
    found = align(a, b, started_alike=False)
    assert found.equal
    assert found.not_compared[-1].endswith("drew from in the traced steps: python")
    assert align(a, a, started_alike=False).not_compared == []


def test_a_replay_is_given_the_states_so_there_they_count(tmp_path: Path) -> None:
    a, b = _trace(tmp_path / "a", {}), _trace(tmp_path / "b", IDLE)
    first = align(a, b).first
    assert first is not None
    assert (first.step, first.part, first.cause) == (1, "rng", "random draws")


@pytest.mark.parametrize("step", [1, 3])
def test_a_later_difference_is_not_blamed_on_it(tmp_path: Path, step: int) -> None:
    a, b = _trace(tmp_path / "a", {}), _trace(tmp_path / "b", {**IDLE, (step, "parameters", "weight"): "changed"})
    first = align(a, b, started_alike=False).first
    assert first is not None
    assert (first.step, first.part, first.cause) == (step, "parameters", "update")


@pytest.mark.parametrize(("part", "key"), [("entry", "weight"), ("batch", "0")])
def test_what_was_drawn_before_the_first_step_may_be_its_doing(tmp_path: Path, part: str, key: str) -> None:
    a, b = _trace(tmp_path / "a", {}), _trace(tmp_path / "b", {**IDLE, (1, part, key): "changed"})
    found = align(a, b, started_alike=False)
    assert found.first is not None
    assert (found.first.step, found.first.part) == (1, PLACES[part])
    assert found.first.cause == f"{CAUSES[part]}, or random draws before it"
    assert "python were in other states" in found.first.detail


@pytest.mark.parametrize(("part", "key"), [("entry", "weight"), ("batch", "0")])
def test_and_is_where_the_generator_is_in_use_later(tmp_path: Path, part: str, key: str) -> None:
    moved = {(3, "rng", "before backward/python"): "drawn"}
    a, b = _trace(tmp_path / "a", moved), _trace(tmp_path / "b", {**IDLE, **moved, (1, part, key): "changed"})
    first = align(a, b, started_alike=False).first
    assert first is not None
    assert (first.step, first.cause) == (1, "random draws")


@pytest.mark.parametrize("moment", ["forward", "backward"])
def test_a_draw_from_an_unseeded_generator_is_found_in_its_step(tmp_path: Path, moment: str) -> None:
    """It is in another state from the first step on, which is no difference until one of the runs draws from it."""
    drawn = [(at, when) for at in (3, 4) for when in ("forward", "backward") if (at, when) >= (3, moment)]
    drawn = [(at, when) for at, when in drawn if moment == "forward" or (at, when) != (3, "forward")]
    later = {(at, "rng", f"before {when}/python"): "drawn" for at, when in drawn}
    a, b = _trace(tmp_path / "a", {}), _trace(tmp_path / "b", {**IDLE, **later})
    first = align(a, b, started_alike=False).first
    assert first is not None
    assert (first.step, first.part, first.cause) == (3, "rng", "random draws")


def test_a_draw_shows_in_what_it_gave_before_it_shows_in_the_state(tmp_path: Path) -> None:
    """Dropout of two seeds: the states are read before the draw, and have moved on when the next step begins."""
    moved = {
        (at, "rng", f"before {moment}/python"): f"drawn {at}" for at in range(2, STEPS + 1)
        for moment in ("forward", "backward")
    }  # fmt: skip
    other = {**IDLE, **{place: f"other {text}" for place, text in moved.items()}, (1, "parameters", "weight"): "else"}
    first = align(_trace(tmp_path / "a", moved), _trace(tmp_path / "b", other), started_alike=False).first
    assert first is not None
    assert (first.step, first.part, first.cause) == (1, "rng", "random draws")


def test_a_draw_in_a_step_that_the_other_trace_left_out_is_never_passed_over(tmp_path: Path) -> None:
    drawn = {(STEPS, "rng", f"before {moment}/python"): "drawn" for moment in ("forward", "backward")}
    a, b = _trace(tmp_path / "a", drawn), _trace(tmp_path / "b", IDLE, left_out=STEPS)
    assert not align(a, b, started_alike=False).equal
    assert align(_trace(tmp_path / "c", {}), b, started_alike=False).equal


def test_a_generator_that_is_equal_is_not_named(tmp_path: Path) -> None:
    still = {(0, "rng", f"before {moment}/torch"): "still" for moment in ("forward", "backward")}
    found = align(_trace(tmp_path / "a", still), _trace(tmp_path / "b", {**still, **IDLE}), started_alike=False)
    assert found.not_compared[-1].endswith(": python")


@pytest.mark.parametrize("key", ["before forward/torch", "before backward/torch"])
def test_a_generator_in_use_is_never_left_out(tmp_path: Path, key: str) -> None:
    a, b = _trace(tmp_path / "a", {}), _trace(tmp_path / "b", {**IDLE, (2, "rng", key): "changed"})
    first = align(a, b, started_alike=False).first
    assert first is not None
    assert (first.step, first.part) == (2, "rng")


def test_one_draw_in_one_step_is_use(tmp_path: Path) -> None:
    a = _trace(tmp_path / "a", {})
    drawn = [(3, "backward"), (4, "forward"), (4, "backward")]
    b = _trace(tmp_path / "b", {(step, "rng", f"before {moment}/python"): "drawn" for step, moment in drawn})
    first = align(a, b, started_alike=False).first
    assert first is not None
    assert (first.step, first.part) == (3, "rng")
