import json
import os
from itertools import pairwise

import pytest

from reprokit.bundle import BundleReader, Item, Member, pack, tarlayout
from reprokit.bundle.seektable import Frame
from reprokit.bundle.verification import stretches
from reprokit.errors import CorruptBundleError


def find_fault(path, threads=None):
    with pytest.raises(CorruptBundleError), BundleReader.open(path) as reader:
        reader.verify(threads)


def test_every_byte_is_covered(bundle):
    good = bundle.read_bytes()
    for index in range(len(good)):
        bad = bytearray(good)
        bad[index] ^= 1 << index % 8
        bundle.write_bytes(bad)
        find_fault(bundle, 1)


def test_every_cut_is_found(bundle):
    good = bundle.read_bytes()
    for size in range(len(good)):
        bundle.write_bytes(good[:size])
        find_fault(bundle, 1)


def test_a_bundle_without_its_beginning(bundle):
    good = bundle.read_bytes()
    for size in (1, 100, len(good) // 2):
        bundle.write_bytes(good[size:])
        find_fault(bundle)


@pytest.mark.parametrize("threads", [1, 2, 7, None])
def test_any_number_of_threads(tmp_path, finish, threads):
    path = tmp_path / "b"
    items = [Item(f"m{i}", bytes([i]) * (i * 400_000)) for i in range(25)]
    pack(path, items, finish)
    with BundleReader.open(path) as reader:
        reader.verify(threads)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    find_fault(path, threads)


def cut(frame_starts, sizes, end):
    bounds = [*frame_starts, end]
    frames = [Frame(0, 0, a, b - a, 0) for a, b in pairwise(bounds)]
    placed = tarlayout.place(Member(f"m{i}", "", size) for i, size in enumerate(sizes))
    assert not placed or placed[-1].end == end
    return [(list(s.frames), [p.member.path for p in s.members]) for s in stretches(frames, placed)]


def test_stretches_begin_with_a_frame_and_a_member():
    assert cut([0, 1024, 1536], [512, 512, 0], 2560) == [([0], ["m0"]), ([1, 2], ["m1", "m2"])]
    assert cut([0, 100, 2000], [512, 512], 2048) == [([0, 1, 2], ["m0", "m1"])]
    assert cut([0], [0, 0, 0], 1536) == [([0], ["m0", "m1", "m2"])]
    assert cut([0, 512, 1024], [0, 512], 1536) == [([0], ["m0"]), ([1, 2], ["m1"])]
    assert cut([], [], 0) == []


def test_frames_cut_anywhere_are_read(forge, member):
    """Another writer may cut frames elsewhere. Here the seek table is longer than what is read of it at first."""
    archive = b""
    members = [member(f"m{i}", bytes([i]) * 700) for i in range(5)]
    for i, entry in enumerate(members):
        archive += tarlayout.header(entry.path, entry.size, executable=False) + bytes([i]) * 700 + bytes(324)
    path = forge([archive[at : at + 2] for at in range(0, len(archive), 2)], members)
    with BundleReader.open(path) as reader:
        reader.verify()
        assert reader.read("m3") == bytes([3]) * 700


def test_a_manifest_larger_than_a_frame(forge, tmp_path):
    text = os.urandom(12 << 20).hex()
    path = forge(manifest=json.dumps({"members": [], "other": text}).encode())
    with BundleReader.open(path) as reader:
        reader.verify()
        assert len(reader.manifest) > 24 << 20
