"""Threads that ask for entropy at once: each value of the record is given back to one of them, and once."""

from __future__ import annotations

from threading import Barrier, Event, Thread, current_thread
from types import SimpleNamespace
from typing import TYPE_CHECKING

from reprokit.observe import ambient
from reprokit.trace.records import encode_record

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_two_that_are_the_first_to_ask_share_one_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both read it; what one was given from it must not come again because the other has read it later."""
    (tmp_path / "ambient").mkdir()
    replayed = ambient.Ambient(SimpleNamespace(key="train", run=str(tmp_path)), str(tmp_path))  # type: ignore[arg-type]
    recorded = [("ours", "01"), ("ours", "02"), ("theirs", "03")]
    record = b"".join(encode_record(label, "drawn", data) for label, data in recorded)
    (tmp_path / replayed._file("", replayed._key())).write_bytes(record)
    given: dict[str, list[str]] = {"ours": [], "theirs": []}
    both_read, ours_given, load = Barrier(2, timeout=60), Event(), ambient._load

    def slow(path: str) -> dict[str, list[str]]:
        queues = load(path)
        both_read.wait()
        if current_thread() is other:
            assert ours_given.wait(60)
        return queues

    def ask(label: str) -> None:
        given[label].append(replayed.value(label, lambda: b"fresh", site=False)[0].hex())

    monkeypatch.setattr(ambient, "_load", slow)
    other = Thread(target=ask, args=("theirs",))
    other.start()
    ask("ours")
    ours_given.set()
    other.join(60)
    ask("ours")
    assert given == {"ours": ["01", "02"], "theirs": ["03"]}
    assert replayed.leftover() == 0
