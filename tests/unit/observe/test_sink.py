"""The sink never writes into a file that is not its own, whatever a script does to descriptors."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from reprokit.observe.sink import Sink

if TYPE_CHECKING:
    from pathlib import Path


def test_records_are_appended_and_survive_a_close(tmp_path: Path) -> None:
    sink = Sink(str(tmp_path / "log"))
    for part in (b"one", b"two"):
        sink.write(part)
    sink.close()
    sink.close()
    sink.write(b"three")
    sink.close()
    assert (tmp_path / "log").read_bytes() == b"onetwothree"


def _takes_the_number_of(sink: Sink, path: Path) -> int:
    """A user's file under the sink's number; by `dup2`, since a plain `open` gets the lowest that is free."""
    user = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.dup2(user, sink._fd)
    os.close(user)
    return sink._fd


def test_a_users_file_that_got_our_descriptor_is_left_alone(tmp_path: Path) -> None:
    sink = Sink(str(tmp_path / "log"))
    sink.write(b"one")
    user = _takes_the_number_of(sink, tmp_path / "user")
    sink.write(b"two")
    os.write(user, b"mine")
    sink.close()
    os.close(user)
    assert (tmp_path / "log").read_bytes() == b"onetwo"
    assert (tmp_path / "user").read_bytes() == b"mine"


def test_closing_a_stale_sink_leaves_the_users_descriptor_open(tmp_path: Path) -> None:
    sink = Sink(str(tmp_path / "log"))
    sink.write(b"one")
    user = _takes_the_number_of(sink, tmp_path / "user")
    sink.close()
    assert os.write(user, b"mine") == 4
    os.close(user)


def test_every_descriptor_closed_at_once(tmp_path: Path) -> None:
    script = """
import os, sys
from reprokit.observe.sink import Sink
sinks = [Sink(f"{sys.argv[1]}/log{i}") for i in range(4)]
for sink in sinks: sink.write(b"one")
os.closerange(3, 256)
mine = [open(f"{sys.argv[1]}/user{i}", "wb", buffering=0) for i in range(6)]
for sink in sinks: sink.write(b"two")
for file in mine: file.write(b"mine")
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=60)
    assert [(tmp_path / f"log{i}").read_bytes() for i in range(4)] == [b"onetwo"] * 4
    assert [(tmp_path / f"user{i}").read_bytes() for i in range(6)] == [b"mine"] * 6


def test_the_numbers_of_standard_streams_stay_free(tmp_path: Path) -> None:
    script = """
import os, sys
from reprokit.observe.sink import Sink
os.close(0)
sink = Sink(sys.argv[1] + "/log")
sink.write(b"one")
assert sink._fd > 2 and os.open("/dev/null", os.O_RDONLY) == 0
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=60)


def test_a_directory_that_is_gone_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Sink(str(tmp_path / "missing" / "log")).write(b"one")
