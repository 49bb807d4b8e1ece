"""Files made to harm: each is refused with the code for its kind, and nothing is written outside."""

import io
import os
import subprocess
import sys
import tarfile

import pytest
import zstandard

from reprokit.bundle import BundleReader, Limits, Member, tarlayout
from reprokit.bundle.frames import decode, encode
from reprokit.bundle.seektable import Row, build_seal
from reprokit.errors import CorruptBundleError

GIB = 1 << 30


def refused(path, limits=None):
    """The code with which a file is refused, by opening it or by verifying it."""
    with pytest.raises(CorruptBundleError) as caught, BundleReader.open(path, limits or Limits()) as reader:
        reader.verify()
    return caught.value.code


def test_a_forged_bundle_without_fault_is_accepted(forge, tar_entry, member):
    head = tarlayout.header("a", 4, executable=False)
    path = forge([head + b"good" + bytes(508)], [member("a", b"good")])
    with BundleReader.open(path) as reader:
        reader.verify()


@pytest.mark.parametrize("name", ["../escape", "/tmp/escape", "a/../../escape", "..\\escape", "C:\\escape"])
def test_traversal(forge, tar_entry, name):
    row = '{"members":[{"path":%s,"sha256":"sha256:%s","size":4}]}'
    escaped = '"' + name.replace("\\", "\\\\x5c") + '"'
    path = forge([tar_entry(name, b"evil")], manifest=(row % (escaped, "0" * 64)).encode())
    assert refused(path) == "RPK023"


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.LNKTYPE, "/etc/passwd"),
        (tarfile.CHRTYPE, ""),
        (tarfile.BLKTYPE, ""),
        (tarfile.FIFOTYPE, ""),
        (tarfile.DIRTYPE, ""),
        (tarfile.CONTTYPE, ""),
        (tarfile.GNUTYPE_SPARSE, ""),
        (tarfile.XHDTYPE, ""),
        (b"V", ""),
    ],
)
def test_links_devices_and_other_types(forge, tar_entry, member, tmp_path, kind, link):
    path = forge([tar_entry("a", b"", kind, link)], [member("a")])
    assert refused(path) == "RPK023"
    with BundleReader.open(path) as reader:
        (written,) = reader.extract_all(tmp_path / "out")
    assert written.is_file()
    assert not written.is_symlink()


def test_another_name_in_the_tar_than_in_the_manifest(forge, tar_entry, member, tmp_path):
    path = forge([tar_entry("../escape", b"x")], [member("a", b"x")])
    assert refused(path) == "RPK023"
    with BundleReader.open(path) as reader:
        reader.extract_all(tmp_path / "out")
    assert not (tmp_path / "escape").exists()


@pytest.mark.parametrize("change", [{"mode": 0o4755}, {"mtime": 1}, {"uid": 1}, {"uname": "root"}])
def test_other_header_fields(forge, member, change):
    info = tarfile.TarInfo("a")
    info.mode = 0o644
    for key, value in change.items():
        setattr(info, key, value)
    assert refused(forge([info.tobuf(tarfile.USTAR_FORMAT)], [member("a")])) == "RPK023"


def test_a_member_twice(forge, tar_entry, member):
    assert refused(forge([tar_entry("a") * 2], [member("a"), member("a")])) == "RPK023"


def test_a_file_that_is_a_directory_too(forge, tar_entry, member):
    assert refused(forge([tar_entry("a") + tar_entry("a/b")], [member("a"), member("a/b")])) == "RPK023"


def test_an_extra_member(forge, tar_entry, member):
    assert refused(forge([tar_entry("a"), tar_entry("b")], [member("a")])) == "RPK023"


def test_a_missing_member(forge, tar_entry, member):
    assert refused(forge([tar_entry("a")], [member("a"), member("b")])) == "RPK023"


def test_data_in_the_padding(forge, member):
    head = tarlayout.header("a", 4, executable=False)
    assert refused(forge([head + b"good" + b"hidden" + bytes(502)], [member("a", b"good")])) == "RPK023"


def test_a_second_archive_behind_the_first(forge, tar_entry, member, finish, tmp_path):
    path = forge([tar_entry("a")], [member("a")])
    first = path.read_bytes()
    path.write_bytes(first + first)
    assert refused(path) == "RPK022"


def test_an_archive_that_ends_early_for_tar(forge, tar_entry, member):
    # tar stops at two zero blocks; what follows would be seen by one reader only.
    hidden = bytes(1024) + tar_entry("b")
    assert refused(forge([tar_entry("a") + hidden], [member("a"), member("b")])) == "RPK023"


@pytest.mark.parametrize("after", [b"\0", b"x" * 10, b"x" * 100_000, b"\x50\x2a\x4d\x18\x01\0\0\0x"])
def test_data_behind_the_seek_table(bundle, after):
    with bundle.open("ab") as file:
        file.write(after)
    assert refused(bundle) in {"RPK021", "RPK023"}


def test_a_few_bytes_behind_the_seek_table_are_named(bundle):
    with bundle.open("ab") as file:
        file.write(b"evil")
    assert refused(bundle) == "RPK023"


def test_a_skippable_frame_in_the_middle(forge, tar_entry, member):
    blob = b"\x50\x2a\x4d\x18\x08\0\0\0hideaway"
    frames = [tar_entry("a"), tar_entry("b")]
    members = [member("a"), member("b")]
    assert refused(forge(frames, members, packed={1: blob})) == "RPK023"
    rows = {1: Row(len(blob), 0, 0x51D8E999)}
    assert refused(forge([frames[0], b"", frames[1]], members, packed={1: blob}, rows=rows)) == "RPK022"


def test_two_frames_in_one_entry(forge, tar_entry, member):
    one, two = tar_entry("a"), tar_entry("b")
    both = encode(one).data + encode(two).data
    path = forge([one + two], [member("a"), member("b")], packed={0: both})
    assert refused(path) == "RPK022"


def test_an_empty_frame(forge, tar_entry, member):
    assert refused(forge([b"", tar_entry("a")], [member("a")])) == "RPK022"


@pytest.mark.parametrize("size", [17 << 20, GIB, (1 << 32) - 1])
def test_a_frame_that_claims_too_much(forge, size):
    members = [Member("a", "sha256:" + "0" * 64, size - 512)]
    path = forge([b"x"], members, rows={0: Row(len(encode(b"x").data), size, 0)})
    assert refused(path) == "RPK024"


def test_a_frame_header_that_claims_too_much(forge, member):
    blob = b"\x28\xb5\x2f\xfd\xe4" + (1 << 50).to_bytes(8, "little") + b"\x01\0\0" + bytes(4)
    path = forge([tarlayout.header("a", 0, executable=False)], [member("a")], packed={0: blob})
    assert refused(path) == "RPK022"


@pytest.mark.parametrize(("window", "code"), [(b"\x88", "RPK023"), (b"\xff", "RPK022")])
def test_a_window_bomb(forge, member, window, code):
    content = tarlayout.header("a", 0, executable=False)
    blob = b"\x28\xb5\x2f\xfd\xc4" + window + (512).to_bytes(8, "little") + b"\x01\x10\0" + content
    blob += encode(content).data[-4:]
    assert refused(forge([content], [member("a")], packed={0: blob})) == code


def test_a_frame_of_nothing_but_empty_blocks(forge, member):
    content = tarlayout.header("a", 0, executable=False)
    good = zstandard.ZstdCompressor(level=-1, write_checksum=True).compress(content)
    start = 4 + 1 + 2
    blob = good[:start] + b"\0\0\0" * 100_000 + good[start:]
    assert refused(forge([content], [member("a")], packed={0: blob})) == "RPK024"


@pytest.mark.parametrize("size", [8 * GIB, 1 << 40, 1 << 62, 1 << 80])
def test_a_manifest_that_claims_too_much(forge, tar_entry, size):
    path = forge([tar_entry("a")], [Member("a", "sha256:" + "0" * 64, size)])
    assert refused(path) in {"RPK023", "RPK024"}


@pytest.mark.parametrize(
    "size", [b"77777777777\0", b"\xff" * 12, b"\x80" + bytes(10) + b"\x01", b"-1".ljust(12), b" " * 12]
)
def test_a_tar_header_that_claims_too_much(forge, member, size):
    block = bytearray(tarlayout.header("a", 0, executable=False))
    block[124:136] = size
    assert refused(forge([bytes(block)], [member("a")])) == "RPK023"


@pytest.mark.parametrize("size", [b"77777777777", b"-0000000001", b"0000000_010", b"99999999999", b"\xff" * 11])
def test_a_manifest_header_that_claims_too_much(forge, size):
    block = bytearray(tarlayout.header("manifest.json", 14, executable=False))
    block[124:135] = size
    last = encode(bytes(block) + b'{"members":[]}' + bytes(498) + bytes(1024))
    path = forge(packed={0: last.data}, rows={0: Row(len(last.data), last.size, last.checksum)})
    assert refused(path) == "RPK023"


@pytest.mark.parametrize("extra", [b"\0" * 512, b"evil".ljust(512, b"\0")])
def test_data_behind_the_manifest(forge, extra):
    last = encode(
        tarlayout.header("manifest.json", 14, executable=False) + b'{"members":[]}' + bytes(498 + 1024) + extra
    )
    path = forge(packed={0: last.data}, rows={0: Row(len(last.data), last.size, last.checksum)})
    assert refused(path) == "RPK023"


def test_a_manifest_bomb(forge):
    path = forge(manifest=b'{"members":[]}' + b" " * (32 << 20))
    assert refused(path) == "RPK024"
    assert refused(path, Limits(max_manifest_bytes=1 << 20, max_ratio=1 << 30)) == "RPK024"


def test_a_small_file_that_claims_a_large_archive(forge):
    zeros = encode(bytes(16 << 20))
    count = 300
    path = forge(
        [b"x"] * count,
        [Member("a", "sha256:" + "0" * 64, count * (16 << 20) - 512)],
        packed=dict.fromkeys(range(count), zeros.data),
        rows=dict.fromkeys(range(count), Row(len(zeros.data), zeros.size, zeros.checksum)),
    )
    assert refused(path) == "RPK024"


@pytest.mark.parametrize("count", [1 << 20, (1 << 32) - 1])
def test_a_seek_table_that_claims_too_many_frames(bundle, count):
    data = bundle.read_bytes()
    bundle.write_bytes(data[:-9] + count.to_bytes(4, "little") + data[-5:])
    assert refused(bundle) == "RPK022"


def test_a_real_seek_table_of_too_many_frames(bundle):
    with bundle.open("r+b") as file:
        file.truncate(40 << 20)
        file.seek(-9, os.SEEK_END)
        file.write((3 << 20).to_bytes(4, "little") + b"\x80\xb1\xea\x92\x8f")
    assert refused(bundle) == "RPK024"


def test_names_that_would_only_be_hidden_by_json(forge, tar_entry):
    row = b'{"members":[{"path":"a","path":"b","sha256":"sha256:%s","size":0}]}' % (b"0" * 64)
    assert refused(forge([tar_entry("a")], manifest=row)) == "RPK027"


def test_plain_archives_of_others(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("manifest.json"))
    codes = {
        "zst": (zstandard.ZstdCompressor().compress(buffer.getvalue()), "RPK021"),
        "tar": (buffer.getvalue(), "RPK020"),
        "empty": (b"", "RPK020"),
        "text": (b"hello", "RPK020"),
        "short": (b"\x28\xb5\x2f\xfd", "RPK021"),
    }
    for name, (data, code) in codes.items():
        (tmp_path / name).write_bytes(data)
        assert refused(tmp_path / name) == code


def test_a_seekable_archive_of_others(forge, tar_entry, member):
    assert refused(forge([tar_entry("a")], [member("a")], seal=b"\x5d\x2a\x4d\x18" + bytes(38))) in {"RPK020", "RPK022"}


def test_a_newer_container_is_named(forge):
    seal = build_seal([b""]).replace(b"bundle 1", b"bundle 2")
    assert refused(forge(seal=seal)) == "RPK025"


def test_a_manifest_that_is_not_last(forge, tar_entry, member):
    frame = encode(tar_entry("a") + bytes(1024))
    path = forge(packed={0: frame.data}, rows={0: Row(len(frame.data), frame.size, frame.checksum)})
    assert refused(path) == "RPK020"


def test_bits_that_zstd_ignores_are_sealed(bundle):
    """RFC 8878 has decoders ignore one bit of a frame header: stock zstd sees no difference, `verify` does."""
    data = bytearray(bundle.read_bytes())
    data[4] ^= 0x10
    frames = zstandard.get_frame_parameters(bytes(data))
    packed = bytes(data[: data.index(b"\x28\xb5\x2f\xfd", 4)])
    checksum = int.from_bytes(packed[-4:], "little")
    assert len(decode(packed, frames.content_size, checksum)) == frames.content_size
    bundle.write_bytes(data)
    assert refused(bundle) == "RPK022"


def test_a_bomb_does_not_take_memory(forge, tmp_path):
    """A gigabyte of zeros, packed and verified in less than 160 MiB."""
    script = """
import re, sys
from pathlib import Path
from reprokit.bundle import BundleReader, Item, pack
import json
path = Path(sys.argv[1])
zeros = path.with_name("zeros")
with zeros.open("wb") as file:
    file.truncate(1 << 30)
# Not `ru_maxrss`, which a child takes over from its parent.
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak()
pack(path, [Item("zeros", zeros)], lambda m: json.dumps({"members": [x.to_json() for x in m]}).encode(), threads=2)
assert path.stat().st_size < 200_000
with BundleReader.open(path) as reader:
    reader.verify(threads=2)
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "b"], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) * 1024 < 160 << 20
