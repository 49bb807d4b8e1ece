"""Digests of many files: right, cached, and not believed when a file changed meanwhile."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reprokit.datasets import chunks, readers, reading
from reprokit.datasets.cache import DigestCache, state_of
from reprokit.datasets.hashing import Reading, digests
from reprokit.datasets.walking import Found, Trouble, walk
from reprokit.digest import TreeHash, tree_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.datasets.entries import Entry

LONG_AGO = -10_000_000_000  # even files of this moment are remembered


def tree(root: Path, count: int = 200) -> None:
    for number in range(count):
        path = root / f"{number % 7}" / f"{number}.bin"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(f"{number}".encode() * (number * 37 % 9000))
    (root / "large").write_bytes(os.urandom(3_000_001))
    (root / "empty").write_bytes(b"")


def hashed(root: Path, cache: Path | None = None, **reading: object) -> tuple[list[Entry], Trouble]:
    trouble = Trouble()
    with DigestCache(cache, LONG_AGO) as known:
        return list(digests(str(root), walk(str(root), trouble), known, trouble, Reading(**reading))), trouble  # type: ignore[arg-type]


def test_they_are_those_of_sha256sum(tmp_path: Path) -> None:
    tree(tmp_path)
    names = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    done = subprocess.run(["sha256sum", "-z", *names], cwd=tmp_path, capture_output=True, check=True)
    said = done.stdout.decode()
    expected = {line[66:]: "sha256:" + line[:64] for line in said.split("\0") if line}
    for threads in (1, 3):
        found, trouble = hashed(tmp_path, threads=threads)
        assert {one.path: one.digest for one in found} == expected
        assert [one.path for one in found] == sorted(expected)
        assert not trouble.changed
        assert not trouble.unreadable


def test_small_files_are_read_by_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path)
    plain, _ = hashed(tmp_path)
    (tmp_path / os.fsdecode(b"\xff\n")).write_bytes(b"1")
    monkeypatch.setattr(readers, "MANY", 0)
    asked: list[int] = []
    real = readers.Readers._ask
    monkeypatch.setattr(readers.Readers, "_ask", lambda self, files: asked.append(len(files)) or real(self, files))
    found, trouble = hashed(tmp_path, threads=2)
    assert [one for one in found if one.path.isascii()] == plain
    assert len(found) == len(plain) + 1
    assert sum(asked) > 100
    assert not trouble.unreadable
    monkeypatch.setattr(readers.sys, "executable", "/bin/false")
    assert hashed(tmp_path, threads=2)[0] == found, "and by threads where that does not work"


def test_what_a_process_could_not_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MANY", 0)
    (tmp_path / "gone").write_bytes(b"1")
    (tmp_path / "changed").write_bytes(b"1")
    files = [Found(name, (tmp_path / name).stat()) for name in ("changed", "gone")]
    (tmp_path / "gone").unlink()
    (tmp_path / "changed").write_bytes(b"22")
    trouble = Trouble()
    with DigestCache(None) as cache:
        assert list(digests(str(tmp_path), iter(files), cache, trouble)) == []
    assert trouble.changed == [("changed", "had 1 bytes, then 2")]
    assert trouble.unreadable == [("gone", "No such file or directory")]


def test_a_tree_digest_in_pieces_is_that_of_the_whole() -> None:
    members = {f"{number:03}": f"sha256:{number}" for number in range(50)}
    pieces = TreeHash()
    for name in sorted(members):
        pieces.add(name, members[name])
    assert pieces.digest() == tree_digest(members)
    with pytest.raises(ValueError, match="does not follow"):
        pieces.add("049", "twice")


def test_the_second_time_nothing_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, cache = tmp_path / "data", tmp_path / "cache.sqlite"
    tree(root)
    first, _ = hashed(root, cache)
    read: list[str] = []
    real = readers.read_file
    monkeypatch.setattr(readers, "read_file", lambda path, state: read.append(path) or real(path, state))
    assert hashed(root, cache)[0] == first
    assert read == []
    (root / "empty").write_bytes(b"x")
    again, _ = hashed(root, cache)
    assert [os.path.basename(path) for path in read] == ["empty"]
    assert again != first


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "new"
    path.write_bytes(b"1")
    state = state_of(path.stat())
    with DigestCache(tmp_path / "cache") as cache:
        cache.remember([(state, "sha256:1")])
        assert cache.known([state]) == {}
        old = state._replace(mtime_ns=1, ctime_ns=1)
        cache.remember([(old, "sha256:1")])
        assert cache.known([old]) == {old: "sha256:1"}
        assert cache.known([old._replace(size=2)]) == {}
        assert cache.known([old._replace(ctime_ns=2)]) == {}


def test_paranoid_finds_what_the_times_hide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A content that changed below the file system's own books: a broken disk, a raw write to the device."""
    root, cache = tmp_path / "data", tmp_path / "cache.sqlite"
    root.mkdir()
    (root / "file").write_bytes(b"abc")
    hashed(root, cache)
    with DigestCache(cache, LONG_AGO) as known:
        known.remember([(state_of((root / "file").stat()), "sha256:of-other-content")])
    assert hashed(root, cache)[0][0].digest == "sha256:of-other-content", "the control: the cache is believed"
    found, trouble = hashed(root, cache, paranoid=True)
    assert found[0].digest == "sha256:" + hashlib.sha256(b"abc").hexdigest()
    assert [path for path, _ in trouble.silent] == ["file"]


def test_a_cache_that_is_no_database_is_not_used(tmp_path: Path) -> None:
    root, cache = tmp_path / "data", tmp_path / "cache.sqlite"
    tree(root, 5)
    cache.write_bytes(b"this is no database" * 100)
    found, _ = hashed(root, cache)
    assert len(found) == 7
    with DigestCache(tmp_path / "cache.sqlite" / "below-a-file") as broken:
        assert broken.trouble


def test_a_cache_that_another_process_has_locked_is_not_waited_for(tmp_path: Path) -> None:
    root, cache = tmp_path / "data", tmp_path / "cache.sqlite"
    tree(root, 5)
    first, _ = hashed(root, cache)
    other = sqlite3.connect(cache, isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    start = time.monotonic()
    assert hashed(root, cache)[0] == first
    assert time.monotonic() - start < 60, "as long as the other one has it"
    other.close()


def test_a_file_that_changes_while_it_is_read_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "growing"
    path.write_bytes(bytes(8 << 20))
    stop = threading.Event()
    real = reading._digest

    def digest(descriptor: int, size: int) -> tuple[str, int]:
        """Reading takes as long as it takes the other thread to write, which may be held up on a busy machine."""
        before, found = os.fstat(descriptor).st_mtime_ns, real(descriptor, size)
        while os.fstat(descriptor).st_mtime_ns == before:
            time.sleep(0.001)
        return found

    def write() -> None:
        with path.open("r+b", buffering=0) as file:
            while not stop.is_set():
                file.seek(1000)
                file.write(b"x")
                time.sleep(0.0005)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with monkeypatch.context() as patched:
            patched.setattr(reading, "_digest", digest)
            found, trouble = hashed(tmp_path)
    finally:
        stop.set()
        writer.join()
    assert found == []
    assert [name for name, _ in trouble.changed] == ["growing"]
    assert [one.path for one in hashed(tmp_path)[0]] == ["growing"], "the control"


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("truncated", "had 10 bytes, then 3"),
        ("replaced", "was replaced"),
        ("removed", "No such file"),
        ("pipe", "is no file"),
    ],
)
def test_what_happens_between_the_walk_and_the_reading(tmp_path: Path, what: str, said: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    found = Found("file", path.stat())
    if what == "truncated":
        path.write_bytes(b"012")
    else:
        (tmp_path / "keep").hardlink_to(path)  # so that its inode is not given to the next file
        path.unlink()
        if what == "replaced":
            path.write_bytes(b"9876543210")
        elif what == "pipe":
            os.mkfifo(path)
    trouble = Trouble()
    with DigestCache(None) as cache:
        assert list(digests(str(tmp_path), iter([found]), cache, trouble)) == []
    assert (*trouble.changed, *trouble.unreadable)[0][1].startswith(said)


def test_files_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chmod(tmp_path, 0o755)
    monkeypatch.chdir(tmp_path)  # another user may not pass through the directories above
    for name in ("secret", "open"):
        (tmp_path / name).write_bytes(b"1")
        (tmp_path / name).chmod(0o644)  # whatever the umask
    (tmp_path / "secret").chmod(0)
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        found, trouble = hashed(Path())
    finally:
        if root:
            os.seteuid(0)
        (tmp_path / "closed").chmod(0o755)
    assert [one.path for one in found] == ["open"]
    assert sorted(trouble.unreadable) == [("closed/", "Permission denied"), ("secret", "Permission denied")]


def sparse(path: Path, size: int, data: dict[int, bytes]) -> None:
    with path.open("wb") as file:
        file.truncate(size)
        for at, content in data.items():
            file.seek(at)
            file.write(content)


def plainly(path: Path) -> str:
    """The chunk digest as its definition says, by a program that does nothing else."""
    data = path.read_bytes()
    whole = hashlib.sha256(b"reprokit chunks 64mib" + len(data).to_bytes(8, "little"))
    for at in range(0, len(data), 64 << 20):
        whole.update(hashlib.sha256(data[at : at + (64 << 20)]).digest())
    return "sha256-chunks-64mib:" + whole.hexdigest()


@pytest.mark.parametrize("size", [1, 64 << 20, (64 << 20) + 1, (130 << 20) + 17])
def test_the_digest_by_chunks_is_the_one_that_is_described(tmp_path: Path, size: int) -> None:
    holes, filled = tmp_path / "holes", tmp_path / "filled"
    sparse(holes, size, {size - 1: b"x", size // 2: b"y"})
    filled.write_bytes(holes.read_bytes())
    found, _ = hashed(tmp_path, chunked_above=0)
    assert [one.digest for one in found] == [plainly(holes)] * 2


def test_a_terabyte_with_holes(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    sparse(path, 1 << 40, {0: b"a", 1 << 39: b"b" * 1000, (1 << 40) - 1: b"c"})
    start = time.process_time()
    first, trouble = hashed(tmp_path)
    assert time.process_time() - start < 60
    assert first[0].digest.startswith("sha256-chunks-64mib:")
    assert (first[0].size, trouble.unreadable) == (1 << 40, [])
    sparse(path, 1 << 40, {0: b"a", 1 << 39: b"b" * 999 + b"!", (1 << 40) - 1: b"c"})
    assert hashed(tmp_path)[0][0].digest != first[0].digest


def test_hashing_by_chunks_is_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, cache = tmp_path / "data", tmp_path / "cache.sqlite"
    root.mkdir()
    sparse(root / "big", 20 * 1000 + 5, {at * 1000: b"%d" % at for at in range(20)})
    monkeypatch.setattr(chunks, "CHUNK", 1000)
    real, done = chunks._chunk, []

    def failing(path: str, number: int, length: int) -> bytes:
        if number == 17 and len(done) < 100:
            raise KeyboardInterrupt
        done.append(number)
        return real(path, number, length)

    monkeypatch.setattr(chunks, "_chunk", failing)
    with pytest.raises(KeyboardInterrupt):
        hashed(root, cache, chunked_above=100, threads=1)
    before = len(done)
    assert before >= 12
    done.extend([-1] * 100)
    whole = hashed(root, cache, chunked_above=100, threads=1)[0][0].digest
    assert len(done) - before - 100 <= 9, "what was saved is not read again"
    assert hashed(root, None, chunked_above=100)[0][0].digest == whole


def test_memory_stays_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many files there are, a fixed number is under way."""
    path = tmp_path / "one"
    path.write_bytes(b"1")
    state = path.stat()
    asked = given_back = most = 0

    def many() -> Iterator[Found]:
        nonlocal asked
        for _ in range(60_000):
            asked += 1
            yield Found("one", state)

    with DigestCache(None) as cache:
        for _ in digests(str(tmp_path), many(), cache, Trouble(), Reading(threads=2)):
            given_back += 1
            most = max(most, asked - given_back)
    assert given_back == 60_000
    assert most < 6000
