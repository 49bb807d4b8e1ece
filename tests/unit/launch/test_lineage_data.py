"""Which of the files that a run read a dataset manifest should hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reprokit.launch.lineage_manifests import _is_data
from reprokit.schema.manifest import InputFile

if TYPE_CHECKING:
    from pathlib import Path

CASES = [
    (b"a,b\n1,2\n", True, True), (b"a,b\n1,2\n", False, True), (b"#!/bin/sh\n", True, False),
    (b"\x7fELF\x02", True, False), (b"#!/bin/sh\n", False, True), (b"", True, False),
]  # fmt: skip


@pytest.mark.parametrize(("content", "executable", "counts"), CASES, ids=range(len(CASES)))
def test_data_that_anyone_may_execute_are_data(tmp_path: Path, content: bytes, executable: bool, counts: bool) -> None:
    path = tmp_path / "a.dat"
    path.write_bytes(content)
    entry = InputFile(path=str(path), sha256="", size=len(content), role="data", executable=executable)
    assert _is_data(entry, []) is counts
    assert not _is_data(entry, [path])
    path.unlink()
    assert _is_data(entry, []) is bool(content)
