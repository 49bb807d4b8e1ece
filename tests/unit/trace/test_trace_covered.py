"""Rows that stand for several updates, steps that ran compiled, and states at exit from two adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reprokit.observe.sink import Sink
from reprokit.trace.align import align
from reprokit.trace.causes import classify
from reprokit.trace.columns import Trace, write_columns
from reprokit.trace.raw import CORE, ENTRY, FINAL, LOSS, OPAQUE, Column, RawWriter

if TYPE_CHECKING:
    from pathlib import Path

NAN = float("nan")


def _trace(where: Path, steps: tuple[int, ...], changed: tuple[int, str] = (0, ""), flags: int = CORE | ENTRY) -> Trace:
    """A trace with a row at each of ``steps``, and a digest that is ``changed`` in one (step, part)."""
    raw = where / "raw"
    raw.mkdir(parents=True)
    writer = RawWriter(Sink(str(raw / "blocks")).write, Sink(str(raw / "rows")).write)
    parts = ("entry", "batch", "loss", "parameters")
    for step in steps:
        blocks = [
            (writer.block(part, "xxh3", (Column(part, part),)), (b"y" if (step, part) == changed else b"x") * 16)
            for part in parts
        ]
        writer.row(step, flags | LOSS, 1.0, NAN, blocks)
    assert write_columns(raw, where / "columns", level="full") is not None
    return Trace.at(where / "columns")


def test_updates_are_counted_and_not_rows(tmp_path: Path) -> None:
    trace = _trace(tmp_path, (1, 5, 9, 10))
    assert (len(trace.updates), trace.count) == (4, 10)
    assert trace.covered.tolist() == [1, 4, 4, 1]
    result = align(trace, trace)
    assert (result.steps_recorded, result.steps_compared, result.equal) == (10, 10, True)


def test_a_plan_has_an_entry_for_each_update(tmp_path: Path) -> None:
    assert len(_trace(tmp_path, (4, 8, 10)).plan()) == 10


def test_a_plan_of_absurd_steps_stays_small(tmp_path: Path) -> None:
    assert len(_trace(tmp_path, (1, 1 << 60)).plan()) == 2


def test_a_difference_in_such_a_row_keeps_its_cause(tmp_path: Path) -> None:
    steps = (4, 8, 12)
    first = align(_trace(tmp_path / "a", steps), _trace(tmp_path / "b", steps, (8, "parameters"))).first
    assert first is not None
    assert (first.step, first.part, first.cause, first.after_step) == (8, "parameters", "update", 4)
    assert "updates 5 to 8 ran in one go" in first.detail


def test_what_changed_before_such_a_row_is_placed_between_updates(tmp_path: Path) -> None:
    steps = (4, 8, 12)
    first = align(_trace(tmp_path / "a", steps), _trace(tmp_path / "b", steps, (8, "entry"))).first
    assert first is not None
    assert "between update 4 and the forward pass of step 5" in first.detail


def test_gradients_that_could_not_be_seen_are_not_excluded(tmp_path: Path) -> None:
    plain, compiled = CORE | ENTRY, CORE | ENTRY | OPAQUE
    for name, flags, cause in (("p", plain, "update"), ("c", compiled, "backward numerics or update")):
        a = _trace(tmp_path / f"{name}a", (1, 2), flags=flags)
        first = align(a, _trace(tmp_path / f"{name}b", (1, 2), (2, "parameters"), flags)).first
        assert first is not None
        assert first.cause == cause


@pytest.mark.parametrize(
    ("unseen", "cause"), [(set(), "forward numerics"), ({"batch"}, "data order or forward numerics")]
)
def test_a_batch_that_could_not_be_seen_is_not_excluded(unseen: set[str], cause: str) -> None:
    assert classify({"loss": False}, 6, 2, unseen)[1] == cause


def test_two_states_at_exit_are_one(tmp_path: Path) -> None:
    writer = RawWriter(Sink(str(tmp_path / "blocks")).write, Sink(str(tmp_path / "rows")).write)
    first, second = (writer.block("parameters", "xxh3", (Column(name, name),)) for name in ("torch", "keras"))
    writer.row(1, CORE, NAN, NAN, [(first, b"a" * 16)])
    writer.row(1, FINAL, NAN, NAN, [(first, b"b" * 16)])
    writer.row(1, FINAL, NAN, NAN, [(second, b"c" * 16)])
    assert write_columns(tmp_path, tmp_path / "columns", level="full") is not None
    part = Trace.at(tmp_path / "columns").parts["parameters"]
    assert part.keys.tolist() == [2, 3]
    assert part.read(1, 2).reshape(2, 16).tolist() == [[98] * 16, [99] * 16]
