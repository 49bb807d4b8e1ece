"""Copies of a model on several ranks are compared by what each rank digested, and by nothing else."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from reprokit.launch.ranks import first_of
from reprokit.launch.sides import Stream
from reprokit.launch.unobserved import _PROBE
from reprokit.schema.manifest import TraceSummary
from reprokit.trace.align import Difference
from reprokit.trace.columns import Trace, write_columns
from reprokit.trace.raw import CORE, LOSS, Column, RawWriter
from reprokit.trace.replicas import Copy, Unequal, unequal_averaged, unequal_copies

if TYPE_CHECKING:
    from pathlib import Path


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def trace(
    place: Path, *, steps: int = 6, changed: int = 99, digested: set[int] | None = None, beside: bool = False,
    gradients: str = "", level: str = "full", batch: str = "",
) -> Trace:  # fmt: skip
    """Updates of a model; from ``changed`` on its weight is another. ``beside``: another model's update before each."""
    place.mkdir()
    inputs = (Column("1/input 0", "input 0"),)
    with (place / "blocks").open("wb") as blocks, (place / "rows").open("wb") as rows:
        writer, number = RawWriter(blocks.write, rows.write), 0
        for step in range(1, steps + 1):
            for key in ("9/0/0", "0/0/0") if beside else ("0/0/0",):
                number += 1
                written = []
                if digested is None or step in digested:
                    text = f"{key} {step}{'!' if step >= changed and key == '0/0/0' else ''}"
                    columns = (Column(key, "weight"),)
                    written = [
                        (writer.block("gradients", "test-hash", columns), _digest(f"g{step}{gradients}")),
                        (writer.block("parameters", "test-hash", columns), _digest(text)),
                    ]
                    if batch:
                        written.append((writer.block("batch", "test-hash", inputs), _digest(f"b{step}{batch}")))
                writer.row(number, (CORE if written else 0) | LOSS, 0.5, 0.1, written)
    assert write_columns(place, place / "columns", level=level) is not None
    return Trace.at(place / "columns")


def copies(first: Trace, second: Trace, grade: str = "") -> list[Copy]:
    return [Copy(r, (0, 1), 0, grade, {"0": ("0/0/0", "weight")}, t) for r, t in ((1, second), (0, first))]


def test_the_first_unequal_step_is_named_and_the_last_equal_one(tmp_path: Path) -> None:
    found = unequal_copies(copies(trace(tmp_path / "a"), trace(tmp_path / "b", changed=4)))
    assert found == [Unequal(1, 0, 4, 3, ("weight",))]
    assert unequal_copies(copies(trace(tmp_path / "c"), trace(tmp_path / "d"))) == []


def test_only_steps_that_both_digested_are_compared(tmp_path: Path) -> None:
    first = trace(tmp_path / "a", digested={1, 2, 4, 6})
    assert unequal_copies(copies(first, trace(tmp_path / "b", digested={1, 3, 5}, changed=3))) == []
    found = unequal_copies(copies(first, trace(tmp_path / "c", digested={1, 3, 6}, changed=3)))
    assert found == [Unequal(1, 0, 6, 1, ("weight",))]


def test_a_model_that_one_rank_trains_beside_it_does_not_shift_the_steps(tmp_path: Path) -> None:
    first = trace(tmp_path / "a", beside=True)
    assert unequal_copies(copies(first, trace(tmp_path / "b"))) == []
    assert unequal_copies(copies(first, trace(tmp_path / "c", changed=4)))[0].step == 4
    (unknown,) = unequal_copies(copies(first, trace(tmp_path / "d", digested={1, 2, 5})))
    assert unknown.step == 0
    assert "not every step was digested" in unknown.grade


def test_a_rank_that_ended_early_is_compared_up_to_there(tmp_path: Path) -> None:
    first = trace(tmp_path / "a")
    assert unequal_copies(copies(first, trace(tmp_path / "b", steps=3))) == []
    assert unequal_copies(copies(first, trace(tmp_path / "c", steps=3, changed=2)))[0].step == 2


def test_what_may_differ_keeps_its_reason_and_other_levels_are_not_compared(tmp_path: Path) -> None:
    (found,) = unequal_copies(copies(trace(tmp_path / "a"), trace(tmp_path / "b", changed=2), "a reason"))
    assert (found.step, found.grade) == (2, "a reason")
    (found,) = unequal_copies(copies(trace(tmp_path / "c"), trace(tmp_path / "d", level="light")))
    assert (found.step, found.grade) == (0, "their digests cannot be compared")


def test_equal_gradients_speak_for_copies_and_others_do_not(tmp_path: Path) -> None:
    first, second = trace(tmp_path / "a", batch="0"), trace(tmp_path / "b", batch="1", changed=3)
    assert unequal_averaged({0: first, 1: second}) == [Unequal(1, 0, 3, 2, ("weight",), averaged=True)]
    assert unequal_averaged({0: first, 1: trace(tmp_path / "c", changed=3, gradients="own")}) == []
    assert unequal_averaged({0: first, 1: trace(tmp_path / "d")}) == []
    assert unequal_averaged({0: trace(tmp_path / "e", steps=1), 1: trace(tmp_path / "f", steps=1, changed=1)}) == []
    assert unequal_averaged({}) == unequal_averaged({0: first}) == []


@pytest.mark.parametrize("batch", ["", "0"])
def test_gradients_of_equal_or_unseen_batches_prove_nothing(tmp_path: Path, batch: str) -> None:
    """A linear loss has the same gradient whatever the weights are: each rank may have a learning rate of its own."""
    ranks = {0: trace(tmp_path / "a", batch=batch), 1: trace(tmp_path / "b", batch=batch, changed=3)}
    (found,) = unequal_averaged(ranks)
    assert (found.step, found.averaged) == (3, True)
    assert "other batches were not seen" in found.grade


def test_ranks_that_were_started_again_are_compared_by_their_turn(tmp_path: Path) -> None:
    before, after = [copies(trace(tmp_path / f"{n}a"), trace(tmp_path / f"{n}b")) for n in (1, 2)]
    moved = copies(trace(tmp_path / "3a", changed=1), trace(tmp_path / "3b", changed=1))
    assert unequal_copies([*before, *after, *moved]) == []
    broken = copies(trace(tmp_path / "4a"), trace(tmp_path / "4b", changed=5))
    assert unequal_copies([*before, *moved, *broken])[0].step == 5
    (unknown,) = unequal_copies([*before, *(copy for copy in moved if copy.rank == 0)])
    assert unknown.step == 0
    assert "several processes" in unknown.grade


def difference(step: int, order: int, after: int) -> Difference:
    return Difference(step, "parameters", ("weight",), "update", "", after, order=order)


UNKNOWN = "rank1 differs at step 9 and was not digested since step 1: which of them was first is not established"


@pytest.mark.parametrize(
    ("first", "second", "winner", "said"),
    [
        (difference(5, 6, 4), difference(3, 6, 2), "rank1", "rank0 follows at step 5 (parameters)"),
        (difference(3, 4, 2), difference(3, 3, 2), "rank1", "rank0 follows at step 3 (parameters)"),
        (difference(3, 4, 2), difference(3, 4, 2), "rank0", "so in rank1, in the same part of the same step"),
        (difference(3, 4, 2), difference(9, 4, 1), "rank0", UNKNOWN),
    ],
)  # fmt: skip
def test_which_rank_was_first(first: Difference, second: Difference, winner: str, said: str) -> None:
    streams = [(f"rank{r}", Stream(TraceSummary(name=f"rank{r}", rank=r)), d) for r, d in ((1, second), (0, first))]
    found, followers = first_of(streams)
    assert (found[0], followers) == (winner, said)


def test_a_probe_of_the_compiler_is_known_from_a_script() -> None:
    probe = 'import sys\nif sys.platform != "linux":\n    import torch  # noqa: F401\nfrom ctypes import cdll\n'
    probe += 'cdll.LoadLibrary("/tmp/x.so")\n'
    assert _PROBE.search("\n".join(["/usr/bin/python", "-c", "\n" + probe]))
    assert not _PROBE.search("\n".join(["/usr/bin/python", "-c", "\n" + probe + "import train\n"]))
    assert not _PROBE.search("/usr/bin/python\ntrain.py")
