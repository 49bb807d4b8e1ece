import io
import tarfile

import pytest

from reprokit.bundle import Member
from reprokit.bundle.tarlayout import BLOCK, header, header_size, place

GIB = 1 << 30
NAMES = [
    "a",
    "x" * 100,
    "d" * 100 + "/" + "f" * 100,
    "d" * 155 + "/" + "f" * 100,
    "d" * 156 + "/" + "f" * 100,
    "d/" + "f" * 101,
    "é" * 50,
    "é" * 60,
    "\udcff" * 30,
    "\udcff" * 200,
    "/".join(["deep"] * 60),
    "a" * 99 + "/" + "b" * 99 + "/" + "c" * 99,
]


def read_back(block):
    with tarfile.open(fileobj=io.BytesIO(block + bytes(2 * BLOCK)), encoding="utf-8", errors="surrogateescape") as tar:
        return tar.next()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [0, 8 * GIB - 1, 8 * GIB, 5000 * GIB])
def test_the_standard_library_reads_the_header(name, size):
    info = read_back(header(name, size, executable=True))
    assert (info.name, info.size, info.mode, info.isreg()) == (name, size, 0o755, True)
    assert (info.mtime, info.uid, info.gid, info.uname, info.gname) == (0, 0, 0, "", "")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [0, 8 * GIB])
def test_the_size_of_a_header_is_known_without_it(name, size):
    assert header_size(name, size) == len(header(name, size, executable=False))


@pytest.mark.parametrize("name", [name for name in NAMES if name.isascii()])
def test_ustar_headers_are_those_of_the_standard_library(name):
    info = tarfile.TarInfo(name)
    info.size, info.mode = 1234, 0o644
    try:
        expected = info.tobuf(tarfile.USTAR_FORMAT)
    except ValueError:
        assert header_size(name, 1234) > BLOCK
    else:
        found = header(name, 1234, executable=False)
        # The device fields of a plain file differ between versions of the standard library, and with them the checksum.
        assert (found[:148], found[156:329], found[345:]) == (expected[:148], expected[156:329], expected[345:])


def test_members_are_placed_one_after_the_other():
    members = [Member("a", "", 0), Member("b", "", 513), Member("é" * 80, "", 512)]
    placed = place(members)
    assert [(at.start, at.content, at.end) for at in placed] == [(0, 512, 512), (512, 1024, 2048), (2048, 3584, 4096)]


@pytest.mark.parametrize("length", range(980, 1000))
def test_pax_lengths_count_their_own_digits(length):
    name = "/".join(["n" * 200] * 10)[:length]
    records = header(name, 0, executable=False)[BLOCK:-BLOCK].rstrip(b"\0")
    assert int(records.split(b" ")[0]) == len(records)
