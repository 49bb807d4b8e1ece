"""Steps of which only the loss was digested are never called equal, and name no cause."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from reprokit.trace.align import align
from reprokit.trace.columns import Trace, write_columns
from reprokit.trace.raw import CORE, LOSS, Column, RawWriter

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = {1, 2, 3, 9}
"""Steps that were digested whole; of the others only the loss was."""


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _trace(directory: Path, changed: dict[str, int]) -> Trace:
    """Ten steps; each part in ``changed`` differs from that step on."""
    directory.mkdir()
    with (directory / "blocks").open("wb") as blocks, (directory / "rows").open("wb") as rows:
        writer = RawWriter(blocks.write, rows.write)
        for step in range(1, 11):
            written = []
            for part in ("batch", "loss", "gradients", "parameters"):
                if step not in WHOLE and part != "loss":
                    continue
                number = writer.block(part, "test-hash", (Column("0", part),))
                other = "!" if step >= changed.get(part, 99) else ""
                written.append((number, _digest(f"{part} {step}{other}")))
            writer.row(step, (CORE if step in WHOLE else 0) | LOSS, 0.5, 0.1, written)
    assert write_columns(directory, directory / "columns", level="budget") is not None
    return Trace.at(directory / "columns")


def _first(tmp_path: Path, changed: dict[str, int]):
    found = align(_trace(tmp_path / "a", {}), _trace(tmp_path / "b", changed)).first
    assert found is not None
    return found


def test_a_loss_that_differs_in_a_step_that_was_not_digested_names_no_cause(tmp_path: Path) -> None:
    found = _first(tmp_path, {"loss": 6, "gradients": 6, "parameters": 6})
    assert (found.step, found.part, found.cause, found.after_step) == (6, "loss", None, 3)
    assert "--trace full" in found.detail


def test_a_difference_after_a_gap_says_after_which_step_it_arose(tmp_path: Path) -> None:
    found = _first(tmp_path, {"parameters": 5})  # the loss never shows it
    assert (found.step, found.part, found.cause, found.after_step) == (9, "parameters", None, 3)


def test_without_a_gap_the_cause_is_named(tmp_path: Path) -> None:
    found = _first(tmp_path, {"batch": 3, "loss": 3, "gradients": 3, "parameters": 3})
    assert (found.step, found.part, found.cause, found.after_step) == (3, "batch", "data order", 2)
    (tmp_path / "more").mkdir()
    assert found.order < _first(tmp_path / "more", {"gradients": 3}).order
