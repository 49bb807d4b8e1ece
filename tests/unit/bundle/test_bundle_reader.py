import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from reprokit.bundle import BundleReader, Item, Limits, pack
from reprokit.bundle.frames import FRAME_BYTES
from reprokit.errors import CorruptBundleError, UsageError

NOISE = os.urandom(3 * FRAME_BYTES + 12345)


@pytest.fixture
def large(tmp_path, finish):
    path = tmp_path / "large.repro.tar.zst"
    pack(path, [Item("a", b"small"), Item("b/noise", NOISE), Item("c", b"also small")], finish)
    return path


def test_members_and_manifest(bundle, contents, finish):
    with BundleReader.open(bundle) as reader:
        assert [member.path for member in reader.members] == sorted(contents, key=os.fsencode)
        assert reader.manifest == finish(reader.members)
        assert {name: reader.read(name) for name in contents} == contents


def test_a_member_is_a_seekable_file(large):
    with BundleReader.open(large) as reader, reader.open_member("b/noise") as file:
        assert file.seekable()
        assert file.readable()
        assert file.seek(-5, io.SEEK_END) == len(NOISE) - 5
        assert file.read() == NOISE[-5:]
        assert file.seek(FRAME_BYTES - 600) == FRAME_BYTES - 600
        assert file.read(1000) == NOISE[FRAME_BYTES - 600 : FRAME_BYTES + 400]
        assert file.seek(-400, io.SEEK_CUR) == FRAME_BYTES
        assert file.read(1) == NOISE[FRAME_BYTES : FRAME_BYTES + 1]
        assert file.seek(len(NOISE) + 100) == len(NOISE) + 100
        assert file.read() == b""


def test_seeking_before_the_start_is_an_error(large):
    with BundleReader.open(large) as reader, reader.open_member("a") as file:
        with pytest.raises(ValueError):
            file.seek(-1)
        with pytest.raises(ValueError):
            file.seek(0, 7)


def test_reading_part_of_a_member_reads_part_of_the_file(large):
    with BundleReader.open(large) as reader:
        opened = reader.bytes_read
        with reader.open_member("b/noise") as file:
            file.seek(2 * FRAME_BYTES + 10)
            assert file.read(100) == NOISE[2 * FRAME_BYTES + 10 : 2 * FRAME_BYTES + 110]
        assert reader.bytes_read - opened < 1.01 * FRAME_BYTES


def test_opening_reads_only_the_end(large):
    with BundleReader.open(large) as reader:
        assert reader.bytes_read < 64 << 10


def test_an_unknown_member_is_usage(bundle):
    with BundleReader.open(bundle) as reader:
        for ask in (reader.read, reader.open_member):
            with pytest.raises(UsageError) as caught:
                ask("manifest.json")
            assert caught.value.code == "RPK003"


def test_read_refuses_a_larger_member(large):
    with BundleReader.open(large) as reader:
        assert reader.read("a", max_bytes=5) == b"small"
        with pytest.raises(CorruptBundleError) as caught:
            reader.read("a", max_bytes=4)
        assert caught.value.code == "RPK024"


def test_several_threads_may_read(large):
    with BundleReader.open(large) as reader, ThreadPoolExecutor(4) as pool:

        def sample(index):
            at = index * 99_991 % (len(NOISE) - 1000)
            with reader.open_member("b/noise") as file:
                file.seek(at)
                return file.read(1000) == NOISE[at : at + 1000]

        assert all(pool.map(sample, range(60)))


class Memory:
    """Another source than a file."""

    def __init__(self, data):
        self.data, self.closed = data, False

    @property
    def size(self):
        return len(self.data)

    def read_at(self, offset, size):
        assert 0 <= offset <= offset + size <= len(self.data)
        return self.data[offset : offset + size]

    def close(self):
        self.closed = True


def test_any_byte_source_will_do(bundle, contents):
    source = Memory(bundle.read_bytes())
    with BundleReader(source) as reader:
        reader.verify()
        assert reader.read("code/train.py") == contents["code/train.py"]
    assert source.closed


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir(), os.mkfifo, lambda p: p.symlink_to(p)])
def test_paths_that_are_no_files_are_usage(tmp_path, make):
    make(tmp_path / "b")
    with pytest.raises(UsageError) as caught:
        BundleReader.open(tmp_path / "b")
    assert caught.value.code == "RPK003"


def test_a_file_cut_while_it_is_open(large):
    with BundleReader.open(large) as reader:
        os.truncate(large, 1000)
        for ask in (reader.verify, lambda: reader.read("b/noise")):
            with pytest.raises(CorruptBundleError) as caught:
                ask()
            assert caught.value.code == "RPK021"


def test_a_file_that_is_no_bundle_leaves_no_descriptor(tmp_path, bundle, held):
    (tmp_path / "b").write_bytes(b"x" * 1000)
    with pytest.raises(CorruptBundleError):
        BundleReader.open(tmp_path / "b")
    assert held() == []
    with BundleReader.open(bundle):
        assert held() == [str(bundle)], "the control"


@pytest.mark.parametrize(
    "limits",
    [
        Limits(max_total_bytes=1000),
        Limits(max_members=3),
        Limits(max_name_bytes=50),
        Limits(max_depth=10),
        Limits(max_manifest_bytes=100),
    ],
)
def test_limits_hold_when_opening(bundle, limits):
    with pytest.raises(CorruptBundleError) as caught:
        BundleReader.open(bundle, limits)
    assert caught.value.code == "RPK024"


def test_importing_is_cheap():
    script = (
        "import sys, reprokit.bundle; heavy = 'numpy zstandard xxhash pydantic tarfile typing_extensions';"
        "print([name for name in heavy.split() if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
