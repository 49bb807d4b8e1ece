import os
import socket
import stat
import subprocess

import pytest

from reprokit.capture.files import FileState, changed, scan
from reprokit.capture.ignore import Ignore
from reprokit.errors import UsageError


def _fill(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)


def test_a_tree_is_listed_with_its_states(tmp_path):
    _fill(tmp_path, "a.py", "data/x/1.bin")
    found = scan(tmp_path)
    assert set(found) == {"a.py", "data/x/1.bin"}
    told = os.lstat(tmp_path / "a.py")
    assert found["a.py"] == FileState(told.st_size, told.st_mtime_ns, told.st_ino, told.st_mode, told.st_ctime_ns)


def test_caches_environments_and_bundles_are_left_out(tmp_path):
    ignored = (
        *(
            ".git/HEAD",
            "__pycache__/m.pyc",
            "node_modules/m/i.js",
            ".tox/x",
            ".nox/x",
            ".mypy_cache/x",
            "p/.pytest_cache/x",
        ),
        *(".ipynb_checkpoints/x", "env-of-mine/pyvenv.cfg", "env-of-mine/lib/x.py", "run.repro.tar.zst", ".DS_Store"),
        "m.pyc",
    )
    _fill(tmp_path, *ignored, "kept.py", ".env", "venvish/x.py", "data.tar.zst")
    assert set(scan(tmp_path)) == {"kept.py", ".env", "venvish/x.py", "data.tar.zst"}


def test_own_rules(tmp_path):
    _fill(tmp_path, "a.tmp", "b/c", "d/e", ".git/HEAD", "f")
    ignore = Ignore(frozenset({"b"}), ("*.tmp",), frozenset({str(tmp_path / "d"), str(tmp_path / "f")}))
    assert set(scan(tmp_path, ignore)) == {".git/HEAD"}


def test_a_root_that_is_an_environment_is_scanned(tmp_path):
    _fill(tmp_path, "pyvenv.cfg")
    assert set(scan(tmp_path)) == {"pyvenv.cfg"}


def test_links_are_recorded_and_not_followed(tmp_path):
    root = tmp_path / "root"
    _fill(tmp_path, "outside/secret", "root/a")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root)
    (root / "dangling").symlink_to("nowhere")
    found = scan(root)
    assert set(found) == {"a", "out", "loop", "dangling"}
    assert {name for name, state in found.items() if state.is_link} == {"out", "loop", "dangling"}


def test_sockets_and_pipes_are_left_out(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
    assert scan(tmp_path) == {}


def test_names_that_are_not_utf8_come_back(tmp_path):
    with open(os.fsencode(tmp_path) + b"/\xff", "wb"):
        pass
    (name,) = scan(tmp_path)
    assert os.fsencode(name) == b"\xff"


def test_deep_trees_need_no_recursion(tmp_path):
    depth = 1200
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    try:
        assert list(scan(tmp_path)) == ["d/" * depth + "f"]
    finally:  # shutil.rmtree, and so pytest, would exceed the recursion limit
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_directories_are_told(tmp_path):
    _fill(tmp_path, "d/x")
    (tmp_path / "d").chmod(0)
    problems: list[str] = []
    assert scan(tmp_path, problems=problems) == {}
    (tmp_path / "d").chmod(0o700)
    assert problems == ["d"]


def test_paths_beyond_the_systems_limit_are_told(tmp_path):
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=here)
        deeper = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    problems: list[str] = []
    assert scan(tmp_path, problems=problems) == {}
    assert len(problems) == 1


@pytest.mark.parametrize("name", ["absent", "file"])
def test_a_root_must_be_a_directory(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as caught:
        scan(tmp_path / name)
    assert caught.value.code == "RPK003"


def test_every_kind_of_change(tmp_path):
    _fill(tmp_path, "same", "grown", "gone", "old", "mode")
    before = scan(tmp_path)
    _fill(tmp_path, "new")
    (tmp_path / "grown").write_text("longer than before")
    (tmp_path / "gone").unlink()
    (tmp_path / "old").rename(tmp_path / "moved")
    (tmp_path / "mode").chmod(stat.S_IRUSR)
    changes = changed(before, scan(tmp_path))
    assert changes.created == ["new"]
    assert changes.modified == ["grown", "mode"]
    assert changes.deleted == ["gone"]
    assert changes.renamed == [("old", "moved")]


def test_nothing_changed(tmp_path):
    _fill(tmp_path, "a", "b/c")
    changes = changed(scan(tmp_path), scan(tmp_path))
    assert (changes.created, changes.modified, changes.deleted, changes.renamed) == ([], [], [], [])


def test_a_write_that_restores_size_and_time_is_seen(tmp_path):
    _fill(tmp_path, "weights")
    before = scan(tmp_path)
    state = before["weights"]
    while (tmp_path / "weights").stat().st_ctime_ns == state.ctime_ns:  # the clock for files ticks every few ms
        (tmp_path / "weights").write_text("WEIGHTS")
    os.utime(tmp_path / "weights", ns=(state.mtime_ns, state.mtime_ns))
    after = scan(tmp_path)
    assert after["weights"][:4] == state[:4]
    assert changed(before, after).modified == ["weights"]


def test_an_inode_that_is_used_again_is_no_move(tmp_path):
    before = {"a": FileState(3, 10, 7, 0o100644, 10)}
    after = {"b": FileState(3, 99, 7, 0o100644, 99)}
    changes = changed(before, after)
    assert (changes.created, changes.deleted, changes.renamed) == (["b"], ["a"], [])


def test_hard_links_move_one_to_one(tmp_path):
    _fill(tmp_path, "a")
    os.link(tmp_path / "a", tmp_path / "b")
    before = scan(tmp_path)
    (tmp_path / "a").rename(tmp_path / "c")
    (tmp_path / "b").rename(tmp_path / "d")
    changes = changed(before, scan(tmp_path))
    assert sorted(changes.renamed) == [("a", "c"), ("b", "d")]
    assert changes.created == changes.deleted == []
