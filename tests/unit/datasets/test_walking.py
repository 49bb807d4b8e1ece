"""The walk: sorted, bounded, and honest about what it leaves out."""

from __future__ import annotations

import fnmatch
import os
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprokit.datasets.names import unwritten, written
from reprokit.datasets.selection import select
from reprokit.datasets.walking import Trouble, matcher, walk
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def paths(root: Path, **more: int) -> list[str]:
    return [found.path for found in walk(str(root), Trouble(), **more)]


NAMES = ["a", "a.txt", "a/b", "a-b/c", "a/b.c", "ab/x/y/z", "Z", "é/ü", "a b/c", "a!/b", "b\nc", "\\x41", "-o"]


def test_paths_come_sorted_as_whole_paths(tmp_path: Path) -> None:
    for name in NAMES:
        if name == "a":
            continue  # it is a directory here
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    weird = os.fsencode(tmp_path) + b"/\xff\xfe"
    os.close(os.open(weird, os.O_CREAT))
    found = paths(tmp_path)
    assert found == sorted(found)
    assert set(found) == {*NAMES[1:], os.fsdecode(b"\xff\xfe")}


def test_a_directory_too_large_for_memory_is_sorted_on_disk(tmp_path: Path) -> None:
    for number in range(500):
        (tmp_path / f"{number * 7919 % 500:x}-\n").write_bytes(b"")
    assert paths(tmp_path, spill=7) == paths(tmp_path) == sorted(os.listdir(tmp_path))


def test_links_and_special_files(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("1")
    (tmp_path / "folder").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder" / "up").symlink_to("..")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        trouble = Trouble()
        found = list(walk(str(tmp_path), trouble))
    assert [(one.path, one.link) for one in found] == [("link", "real"), ("real", None)]
    assert sorted(path for path, _ in trouble.unreadable) == ["gone", "loop"]
    assert sorted(path for path, _ in trouble.left_out) == ["folder/up", "pipe", "socket"]
    assert dict(trouble.left_out)["pipe"] == "a named pipe"


GLOBS = [
    ("*.csv", ["a.csv", "d/a.csv"], ["a.csvx", "acsv"]),
    ("d/*.csv", ["d/a.csv"], ["a.csv", "d/e/a.csv"]),
    ("d/**/*.csv", ["d/a.csv", "d/e/f/a.csv"], ["a.csv"]),
    ("d", ["d/a", "d", "x/d/y"], ["da"]),
    ("./d", ["d/a"], ["x/d/y"]),
    ("d/", ["d/a/b"], ["dd"]),
    ("[ab]?.txt", ["a1.txt"], ["c1.txt", "a.txt"]),
    ("[!a].txt", ["b.txt"], ["a.txt"]),
    ("a[*]b", ["a*b"], ["axb"]),
    ("[[]x", ["[x"], ["x"]),
    ("a.b", ["a.b"], ["axb"]),
]


@pytest.mark.parametrize(("glob", "inside", "outside"), GLOBS)
def test_globs(glob: str, inside: list[str], outside: list[str]) -> None:
    wanted = matcher([glob])
    assert [path for path in inside if not wanted(path)] == []
    assert [path for path in outside if wanted(path)] == []


@given(st.text(st.sampled_from("ab*?.-"), min_size=1, max_size=6), st.text(st.sampled_from("ab.-"), max_size=6))
def test_globs_of_names_are_those_of_fnmatch(glob: str, name: str) -> None:
    if "**" not in glob:
        assert matcher([glob])(name) == fnmatch.fnmatchcase(name, glob)


@given(st.binary(max_size=12))
def test_any_name_is_written_and_read_back(raw: bytes) -> None:
    name = os.fsdecode(raw)
    text = written(name)
    text.encode()  # has no lone surrogates
    assert unwritten(text) == name


def test_selections(tmp_path: Path) -> None:
    for name in ("d/a.csv", "d/b.txt", "e/a.csv", "top.csv", "we[i]rd.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")

    def selected(*given: str, **more: list[str]) -> list[str]:
        selection = select(given, tmp_path, **more)
        return [os.path.relpath(os.path.join(selection.root, one.path), tmp_path) for one in selection.files(Trouble())]

    assert selected("d") == ["d/a.csv", "d/b.txt"]
    assert selected("d", exclude=["*.txt"]) == ["d/a.csv"]
    assert selected("*.csv") == ["top.csv", "we[i]rd.csv"]
    assert selected("**/*.csv") == ["d/a.csv", "e/a.csv", "top.csv", "we[i]rd.csv"]
    assert selected("d", "e/a.csv") == ["d/a.csv", "d/b.txt", "e/a.csv"]
    assert selected("we[i]rd.csv") == ["we[i]rd.csv"]
    assert selected("we[i]rd.csv", "top.csv") == ["top.csv", "we[i]rd.csv"]
    with pytest.raises(UsageError, match="RPK003"):
        selected("gone")
