import os
import shutil
import subprocess
import sys
import tarfile
import threading

import pytest
import zstandard

from reprokit.bundle import BundleReader, Item, pack
from reprokit.bundle.frames import FRAME_BYTES, SHARED_BYTES
from reprokit.errors import UsageError


def write(path, items, finish, **options):
    pack(path, items, finish, **options)
    return path.read_bytes()


@pytest.fixture
def varied():
    noise = os.urandom(3 * FRAME_BYTES)
    sizes = [0, 1, 511, 512, 513, SHARED_BYTES - 512, SHARED_BYTES - 511, SHARED_BYTES, FRAME_BYTES - 512]
    sizes += [FRAME_BYTES - 511, FRAME_BYTES, 2 * FRAME_BYTES, 2 * FRAME_BYTES - 512, 2 * FRAME_BYTES + 1]
    return {f"m{size:09}": noise[:size] for size in sizes}


def test_content_comes_back_at_every_boundary(tmp_path, varied, finish):
    path = tmp_path / "b"
    write(path, [Item(name, data) for name, data in varied.items()], finish)
    with BundleReader.open(path) as reader:
        reader.verify()
        assert {member.path: reader.read(member.path) for member in reader.members} == varied


def test_threads_and_order_do_not_change_the_bytes(tmp_path, varied, finish):
    items = [Item(name, data) for name, data in varied.items()]
    one = write(tmp_path / "1", items, finish, threads=1)
    assert write(tmp_path / "2", items[::-1], finish, threads=5) == one


def test_files_and_bytes_give_the_same_bundle(tmp_path, varied, finish):
    files = []
    for name, data in varied.items():
        (tmp_path / name).write_bytes(data)
        files.append(Item(name, tmp_path / name))
    given = write(tmp_path / "1", [Item(name, data) for name, data in varied.items()], finish)
    assert write(tmp_path / "2", files, finish) == given


def test_finish_sees_digests_in_archive_order(tmp_path, finish):
    seen = []
    write(tmp_path / "b", [Item("b", b"2"), Item("a", b"1", executable=True)], lambda m: seen.extend(m) or finish(m))
    assert [(m.path, m.size, m.executable) for m in seen] == [("a", 1, True), ("b", 1, False)]
    assert seen[0].sha256 == "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"


def test_a_bundle_may_be_empty(tmp_path, finish):
    write(tmp_path / "b", [], finish)
    with BundleReader.open(tmp_path / "b") as reader:
        reader.verify()
        assert reader.members == ()


def test_the_standard_library_reads_the_tar(tmp_path, bundle, contents):
    plain = tmp_path / "plain.tar"
    with (
        bundle.open("rb") as packed,
        plain.open("wb") as file,
        zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as content,
    ):
        shutil.copyfileobj(content, file)
    with tarfile.open(plain, encoding="utf-8", errors="surrogateescape") as tar:
        assert tar.getnames() == [*sorted(contents, key=os.fsencode), "manifest.json"]


@pytest.mark.parametrize(
    "names", [["../a"], ["/a"], ["a", "a"], ["a", "a/b"], ["manifest.json"], ["a\0"], [""], ["\ud800"]]
)
def test_bad_names_are_refused_before_anything_is_written(tmp_path, finish, names):
    with pytest.raises(ValueError):
        pack(tmp_path / "b", [Item(name, b"") for name in names], finish)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("manifest", [b"{}", b"not json", b'{"members":[]}'])
def test_a_manifest_of_other_members_is_refused(tmp_path, manifest):
    with pytest.raises(ValueError):
        pack(tmp_path / "b", [Item("a", b"")], lambda _: manifest)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_finish_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        pack(tmp_path / "b", [Item("a", b"")], lambda _: 1 // 0)
    assert list(tmp_path.iterdir()) == []


def code_of(*arguments):
    with pytest.raises(UsageError) as caught:
        pack(*arguments)
    return caught.value.code


def test_a_missing_directory(tmp_path, finish):
    assert code_of(tmp_path / "no" / "b", [], finish) == "RPK005"


def test_a_directory_as_target(tmp_path, finish):
    assert code_of(tmp_path, [], finish) == "RPK005"


def test_a_target_with_a_nul(tmp_path, finish):
    assert code_of(tmp_path / "a\0b", [], finish) == "RPK005"


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir(), os.mkfifo, lambda p: p.symlink_to(p)])
def test_sources_that_are_no_files(tmp_path, finish, make):
    source = tmp_path / "source"
    make(source)
    assert code_of(tmp_path / "b", [Item("a", source)], finish) == "RPK003"
    assert not (tmp_path / "b").exists()


def test_a_full_disk(finish, tmp_path):
    # A limit on the file's size fails as a full disk does, in a process of its own because it is the process's.
    script = """
import os, resource, signal, sys
from pathlib import Path
from reprokit.bundle import Item, pack
from reprokit.errors import UsageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    pack(Path(sys.argv[1]), [Item("a", b"x" * 1000), Item("b", os.urandom(8 << 20))], None)
except UsageError as error:
    print(error.code)
"""
    found = subprocess.run([sys.executable, "-c", script, tmp_path / "b"], capture_output=True, text=True, check=True)
    assert found.stdout == "RPK005\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", ["grow", "shrink", "rewrite"])
@pytest.mark.parametrize("size", [1000, 40 << 20])
def test_a_source_that_changes_is_refused(tmp_path, finish, change, size):
    source = tmp_path / "log"
    source.write_bytes(bytes(size))
    stop = threading.Event()

    def meddle():
        turn = 0
        while not stop.is_set():
            turn += 1
            if change == "grow":
                with source.open("ab") as file:
                    file.write(b"x")
            elif change == "shrink":
                os.truncate(source, max(size - turn, 0))
            else:
                with source.open("r+b") as file:
                    file.write(b"y")

    writer = threading.Thread(target=meddle)
    writer.start()
    try:
        for _ in range(20):
            try:
                pack(tmp_path / "b", [Item("log", source)], finish)
            except UsageError as error:
                caught = error.code
                break
            with BundleReader.open(tmp_path / "b") as reader:
                reader.verify()
        else:
            caught = "RPK005" if size < 10_000 else "a large file was never caught changing"
    finally:
        stop.set()
        writer.join()
    assert caught == "RPK005"


def test_an_existing_bundle_is_kept_when_packing_fails(tmp_path, bundle, finish):
    before = bundle.read_bytes()
    assert code_of(bundle, [Item("a", tmp_path / "missing")], finish) == "RPK003"
    assert bundle.read_bytes() == before


def test_the_umask_decides_who_may_read(tmp_path, finish):
    before = os.umask(0o027)
    try:
        pack(tmp_path / "b", [], finish)
    finally:
        os.umask(before)
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o640


def test_names_as_long_as_names_can_be(tmp_path, finish):
    pack(tmp_path / ("n" * 255), [], finish)


def test_many_small_members_share_frames(tmp_path, finish):
    pack(tmp_path / "b", [Item(f"m{i:05}", bytes([i % 256]) * 200) for i in range(5000)], finish)
    with BundleReader.open(tmp_path / "b") as reader:
        reader.verify()
        before = reader.bytes_read
        assert reader.read("m02500") == bytes([2500 % 256]) * 200
        assert reader.bytes_read - before < 200_000
