"""inotify, against what libraries do natively: each case runs in a child process and is seen from here.

The child reports which paths Python's audit events showed, so a case proves what only the watcher sees.
"""

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from reprokit.capture import inotify
from reprokit.capture.ignore import Ignore
from reprokit.capture.watch import Seen, Watcher

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is Linux's")

_AUDIT = """
import json, os, sys
audited = set()
def hook(event, args):
    if event == "open" and isinstance(args[0], str):
        audited.add(os.path.abspath(args[0]))
sys.addaudithook(hook)
"""

# name -> (preparation in this process, what the child does, read, written, whether audit events miss it)
CASES = {
    "torch_save": (
        "",
        "import torch; torch.save({'w': torch.ones(3)}, 'model.pt')",
        set(),
        {"model.pt"},
        {"model.pt"},
    ),
    "torch_jit_save": (
        "",
        """import torch, warnings
warnings.simplefilter('ignore')
torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), 'm.pt')
torch.jit.load('m.pt')""",
        {"m.pt"},
        {"m.pt"},
        {"m.pt"},
    ),
    "safetensors_save": (
        "",
        "import numpy; from safetensors.numpy import save_file; save_file({'a': numpy.ones(4)}, 'a.safetensors')",
        set(),
        {"a.safetensors"},
        {"a.safetensors"},
    ),
    "safetensors_load": (
        "import numpy; from safetensors.numpy import save_file; save_file({'a': numpy.ones(4)}, 'a.safetensors')",
        "from safetensors import safe_open; f = safe_open('a.safetensors', 'np'); f.get_tensor('a')",
        {"a.safetensors"},
        set(),
        {"a.safetensors"},
    ),
    "h5py_write": ("", "import h5py; h5py.File('x.h5', 'w').create_dataset('d', data=[1])", set(), {"x.h5"}, {"x.h5"}),
    "h5py_read": (
        "import h5py; h5py.File('x.h5', 'w').create_dataset('d', data=[1])",
        "import h5py; h5py.File('x.h5', 'r')['d'][:]",
        {"x.h5"},
        set(),
        {"x.h5"},
    ),
    "parquet_write": (
        "",
        "import pyarrow as pa, pyarrow.parquet as pq; pq.write_table(pa.table({'a': [1]}), 't.parquet')",
        set(),
        {"t.parquet"},
        {"t.parquet"},
    ),
    "parquet_read": (
        "import pyarrow as pa, pyarrow.parquet as pq; pq.write_table(pa.table({'a': [1]}), 't.parquet')",
        "import pyarrow.parquet as pq; pq.read_table('t.parquet')",
        {"t.parquet"},
        set(),
        {"t.parquet"},
    ),
    "sqlite_attach": (
        "import sqlite3; c = sqlite3.connect('b.db'); c.execute('create table t(x)'); c.commit(); c.close()",
        """import sqlite3
c = sqlite3.connect(':memory:')
c.execute("attach 'b.db' as b")
c.execute('select * from b.t').fetchall()
c.close()""",
        {"b.db"},
        set(),
        {"b.db"},
    ),
    "subprocess_cp": (
        "open('src.bin', 'wb').write(b'x' * 100)",
        "import subprocess; subprocess.run(['cp', 'src.bin', 'dst.bin'], check=True)",
        {"src.bin"},
        {"dst.bin"},
        {"src.bin", "dst.bin"},
    ),
    "ctypes_fopen": (
        "open('c.txt', 'w').write('x')",
        """import ctypes
c = ctypes.CDLL(None)
c.fopen.restype, c.fclose.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
c.fclose(c.fopen(b'c.txt', b'r'))""",
        {"c.txt"},
        set(),
        {"c.txt"},
    ),
    "atomic_replace": (
        "",
        "open('out.tmp', 'w').write('x'); os.replace('out.tmp', 'out.txt')",
        set(),
        {"out.txt"},
        {"out.txt"},
    ),
    "memmap_held_to_the_end": (
        "import numpy; numpy.arange(8.0).tofile('m.bin')",
        "import numpy; m = numpy.memmap('m.bin', dtype='f8', mode='r'); print(m.sum(), file=sys.stderr)",
        {"m.bin"},
        set(),
        set(),
    ),
}


def _watched(place: Path, action, **options) -> Seen:
    watcher = Watcher([place], **options)
    watcher.start()
    try:
        action()
    finally:
        seen = watcher.stop()
    return seen


def _child(place: Path, code: str) -> set[str]:
    script = _AUDIT + textwrap.dedent(code) + "\nprint('AUDITED', json.dumps(sorted(audited)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.rpartition("AUDITED ")[2]))


def _names(paths: set[Path]) -> set[str]:
    return {path.name for path in paths}


@pytest.mark.parametrize("name", CASES)
def test_native_file_access_is_seen(name, tmp_path):
    before, code, read, written, unseen_by_audit = CASES[name]
    if before:
        _child(tmp_path, before)
    audited: set[str] = set()
    seen = _watched(tmp_path, lambda: audited.update(_child(tmp_path, code)))
    assert read <= _names(seen.read)
    assert _names(seen.written) >= written
    if not written and name != "sqlite_attach":  # SQLite opens for writing what it only reads
        assert not _names(seen.written) & read
    assert not {str(tmp_path / one) for one in unseen_by_audit} & audited
    assert not seen.overflow
    assert seen.active


def test_a_file_that_is_only_looked_up_is_not_read(tmp_path):
    (tmp_path / "a").write_text("x")
    seen = _watched(tmp_path, lambda: subprocess.run(["stat", tmp_path / "a"], check=True, stdout=subprocess.DEVNULL))
    assert seen == Seen()


def test_listing_a_directory_reads_no_file(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a").touch()
    assert (
        _watched(tmp_path, lambda: subprocess.run(["ls", "-lR", tmp_path], check=True, stdout=subprocess.DEVNULL))
        == Seen()
    )


def test_write_only_is_not_a_read(tmp_path):
    def act():
        (tmp_path / "a").write_text("x")

    seen = _watched(tmp_path, act)
    assert seen.written == {tmp_path / "a"}
    assert seen.read == set()


def test_a_mapping_without_any_close_is_a_read(tmp_path):
    (tmp_path / "a").write_text("x" * 10)
    held = []
    seen = _watched(tmp_path, lambda: held.append(os.open(tmp_path / "a", os.O_RDONLY)))
    os.close(held[0])
    assert seen.read == {tmp_path / "a"}


def test_moves_are_paired(tmp_path):
    (tmp_path / "a").write_text("x")
    (tmp_path / "d").mkdir()

    def act():
        os.rename(tmp_path / "a", tmp_path / "d/b")
        os.rename(tmp_path / "d", tmp_path / "e")
        (tmp_path / "e/c").write_text("y")

    seen = _watched(tmp_path, act)
    assert seen.moved == [(tmp_path / "a", tmp_path / "d/b"), (tmp_path / "d", tmp_path / "e")]
    assert tmp_path / "d/b" in seen.written
    assert tmp_path / "e/c" in seen.written


def test_a_directory_that_leaves_is_no_longer_reported(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "d").mkdir(parents=True)
    watcher = Watcher([root])
    watcher.start()
    (root / "d").rename(outside)
    for number in range(20):  # events in between give the watcher its chance to notice
        (root / f"f{number}").write_text("x")
        (outside / f"g{number}").write_text("x")
    (root / "d").mkdir()
    (root / "d/new").write_text("x")
    seen = watcher.stop()
    assert seen.moved == []
    assert root / "d/new" in seen.written


@pytest.mark.parametrize("back", [False, True], ids=["another", "the same"])
def test_what_stands_where_a_directory_left_is_watched(tmp_path, back):
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "d/sub").mkdir(parents=True)
    watcher = Watcher([root])
    watcher.start()
    (root / "d").rename(outside)
    if back:
        outside.rename(root / "d")
    else:
        (root / "d/sub").mkdir(parents=True)
    for number in range(5):  # each wakes the watcher, which says good-bye to what left
        (root / f"f{number}").write_text("x")
        time.sleep(0.05)
    (root / "d/new").write_text("x")
    (root / "d/sub/new").write_text("x")
    seen = watcher.stop()
    assert {root / "d/new", root / "d/sub/new"} <= seen.written


def test_new_directories_are_watched_and_searched_at_once(tmp_path):
    def act():
        for number in range(30):
            place = tmp_path / f"a{number}/b/c"
            place.mkdir(parents=True)
            (place / "file").write_text("x")

    seen = _watched(tmp_path, act)
    assert {tmp_path / f"a{number}/b/c/file" for number in range(30)} <= seen.written


def test_a_tree_that_arrives_by_a_move_counts_as_written(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    (outside / "x").mkdir(parents=True)
    (outside / "x/file").write_text("x")
    seen = _watched(root, lambda: outside.rename(root / "in"))
    assert root / "in/x/file" in seen.written


def test_the_second_life_of_a_name_is_seen(tmp_path):
    def act():
        for _ in range(3):
            (tmp_path / "a.tmp").write_text("x")
            os.replace(tmp_path / "a.tmp", tmp_path / "a")

    seen = _watched(tmp_path, act)
    assert seen.moved == [(tmp_path / "a.tmp", tmp_path / "a")] * 3


def test_own_reads_are_left_out(tmp_path):
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x")
    watcher = Watcher([tmp_path])
    watcher.start()
    watcher.ignore_own(tmp_path / "a")
    assert (tmp_path / "a").read_text() + (tmp_path / "b").read_text() == "xx"
    assert watcher.stop().read == {tmp_path / "b"}


def test_added_files_and_trees(tmp_path):
    root, other, single = tmp_path / "root", tmp_path / "other", tmp_path / "lone.bin"
    root.mkdir()
    other.mkdir()
    single.write_text("x")
    (tmp_path / "unwatched").write_text("x")
    watcher = Watcher([root])
    watcher.start()
    watcher.add(other)
    watcher.add(single)
    watcher.add(tmp_path / "absent")
    (other / "f").write_text("x")
    assert single.read_text() + (tmp_path / "unwatched").read_text() == "xx"
    seen = watcher.stop()
    assert seen.written == {other / "f"}
    assert seen.read == {single}


def test_nested_roots_report_once(tmp_path):
    (tmp_path / "d").mkdir()
    watcher = Watcher([tmp_path, tmp_path / "d"])
    watcher.start()
    (tmp_path / "d/f").write_text("x")
    assert watcher.stop().written == {tmp_path / "d/f"}


def test_ignored_places_are_silent(tmp_path):
    for name in (".git", "venv", "__pycache__"):
        (tmp_path / name).mkdir()
    (tmp_path / "venv/pyvenv.cfg").touch()
    own = tmp_path / "own"
    own.mkdir()

    def act():
        for name in (".git", "venv", "__pycache__", "own"):
            (tmp_path / name / "f").write_text("x")
        (tmp_path / "x.repro.tar.zst").write_text("x")

    assert _watched(tmp_path, act, ignore=Ignore(paths=frozenset({str(own)}))) == Seen()


def test_names_that_are_not_utf8(tmp_path):
    def act():
        with open(os.fsencode(tmp_path) + b"/\xff\xfe", "wb") as file:
            file.write(b"x")

    assert _watched(tmp_path, act).written == {Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe"))}


def test_links_are_not_followed(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "link").symlink_to(outside)
    assert _watched(root, lambda: (root / "link/f").write_text("x")) == Seen()


def test_a_root_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    seen = _watched(tmp_path / "link", lambda: (tmp_path / "real/f").write_text("x"))
    assert seen.written == {tmp_path / "link/f"}


def test_directories_beyond_the_cap_are_counted(tmp_path):
    for number in range(10):
        (tmp_path / f"d{number}").mkdir()
    seen = _watched(tmp_path, lambda: None, max_directories=4)
    assert seen.unwatched == 7


def test_an_overflow_is_said(tmp_path):
    # The reader is held up, as on a busy machine, until the kernel's queue is full.
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    watcher = Watcher([tmp_path])
    watcher.start()
    names = [os.fsencode(tmp_path) + b"/%d" % number for number in range(2)]
    with watcher._lock:
        for number in range(limit // 2 + 100_000):  # each gives two events; the reader takes at most 1 MiB first
            os.close(os.open(names[number % 2], os.O_CREAT | os.O_WRONLY))
        (tmp_path / "late").mkdir()
    deadline = time.monotonic() + 120
    while not watcher._overflow and time.monotonic() < deadline:
        time.sleep(0.01)
    (tmp_path / "late/file").write_text("x")  # in a directory whose creation was lost
    seen = watcher.stop()
    assert seen.overflow
    assert tmp_path / "late/file" in seen.written


def test_without_inotify_the_gap_is_said(tmp_path, monkeypatch):
    def refuse(self):
        raise OSError(24, "no instance left")

    monkeypatch.setattr(inotify.Inotify, "__init__", refuse)
    seen = _watched(tmp_path, lambda: (tmp_path / "a").write_text("x"))
    assert seen == Seen(unwatched=1, active=False)


def test_many_reads_of_few_files_do_not_overflow(tmp_path):
    (tmp_path / "a").write_bytes(bytes(1 << 20))
    (tmp_path / "b").write_bytes(bytes(1 << 20))
    code = "a, b = open('a', 'rb', 0), open('b', 'rb', 0)\nwhile a.read(64) and b.read(64): pass"
    seen = _watched(tmp_path, lambda: subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True))
    assert seen.read == {tmp_path / "a", tmp_path / "b"}
    assert not seen.overflow
