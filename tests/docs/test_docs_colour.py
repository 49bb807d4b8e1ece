"""The pictures in the README are drawn from coloured output: FORCE_COLOR gives it, NO_COLOR wins over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import CommandLine


def test_force_color_colours_a_pipe(tmp_path: Path, reprokit: CommandLine) -> None:
    for side in ("a", "b"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "loss.txt").write_text("loss 0.5\n")
    said = {
        name: reprokit("compare", "a", "b", cwd=tmp_path, env=env).stdout
        for name, env in {
            "plain": {}, "forced": {"FORCE_COLOR": "1"}, "refused": {"FORCE_COLOR": "1", "NO_COLOR": "1"},
        }.items()
    }  # fmt: skip
    assert b"BITWISE" in said["plain"]
    assert b"\x1b[" in said["forced"]
    assert b"\x1b[" not in said["plain"] + said["refused"]
