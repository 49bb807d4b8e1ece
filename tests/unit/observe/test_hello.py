"""A process is told of from the moment in which its whole hello is there."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from reprokit.observe.process import Process
from reprokit.observe.reading import read_process

if TYPE_CHECKING:
    from pathlib import Path


def test_a_hello_of_which_a_part_is_there_is_none(tmp_path: Path) -> None:
    """Of a process that was killed at it, or that is at it while the run's other processes are read."""
    process: Any = SimpleNamespace(directory=str(tmp_path), key="train", parent_key="", pid=os.getpid(), rank="")
    Process.hello(process, forked=False)
    hello = (tmp_path / "hello").read_bytes()
    for length in range(len(hello)):
        (tmp_path / "hello").write_bytes(hello[:length])
        assert read_process(tmp_path) is None
    (tmp_path / "hello").write_bytes(hello)
    found = read_process(tmp_path)
    assert found is not None
    assert (found.key, found.pid) == ("train", os.getpid())
