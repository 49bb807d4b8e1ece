"""What a script read and then changes is copied first, each file for itself."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from reprokit.observe.files import FileObserver
from reprokit.observe.reading import parse_file_records

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_two_files_that_two_threads_change_at_once_have_a_copy_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failed(_name: str, error: BaseException) -> None:
        raise error

    observer = FileObserver(str(tmp_path), f"{tmp_path}/", (), str(tmp_path), None, failed, lambda _command: None)
    held = {str(tmp_path / name): name * 1000 for name in ("a", "b")}
    for path, text in held.items():
        (tmp_path / path).write_text(text)
        observer.hook("open", (path, "r", 0))
    together, stat = threading.Barrier(2), os.stat

    def looked_at_together(path: Any, **named: Any) -> os.stat_result:
        if path in held:
            together.wait(60)
        return stat(path, **named)

    with monkeypatch.context() as patch, ThreadPoolExecutor(2) as threads:
        patch.setattr(os, "stat", looked_at_together)
        for done in [threads.submit(observer.hook, "open", (path, "w", 0)) for path in held]:
            done.result()
    observer.close()
    records = parse_file_records((tmp_path / "files").read_bytes())
    copies = {record.path: record.snapshot for record in records if record.kind == "w"}
    assert {path: (tmp_path / copy).read_text() for path, copy in copies.items()} == held
