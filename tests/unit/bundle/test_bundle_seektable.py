import struct

import pytest
import xxhash

from reprokit.bundle.seektable import (
    SEAL_BYTES,
    Row,
    build_seal,
    build_table,
    check_seal,
    count_frames,
    parse_table,
    table_bytes,
)
from reprokit.errors import CorruptBundleError

ROWS = [Row(100, 1000, 7), Row(50, 60, 8)]
FILE_BYTES = 150 + SEAL_BYTES + len(build_table(ROWS))


def code_of(function, *arguments):
    with pytest.raises(CorruptBundleError) as caught:
        function(*arguments)
    return caught.value.code


def test_the_table_is_the_one_of_the_specification():
    table = build_table(ROWS)
    nothing = xxhash.xxh64_intdigest(b"") & 0xFFFFFFFF
    expected = struct.pack("<II", 0x184D2A5E, 3 * 12 + 9)
    expected += struct.pack("<9I", 100, 1000, 7, 50, 60, 8, SEAL_BYTES, 0, nothing)
    assert table == expected + struct.pack("<IBI", 3, 0x80, 0x8F92EAB1)


def test_a_table_round_trips():
    table = build_table(ROWS)
    assert count_frames(table[-9:]) == 3
    assert table_bytes(3) == len(table)
    frames = parse_table(table, FILE_BYTES)
    assert [(f.offset, f.packed, f.start, f.size, f.checksum) for f in frames[:2]] == [
        (0, 100, 0, 1000, 7),
        (100, 50, 1000, 60, 8),
    ]


@pytest.mark.parametrize("file_bytes", [0, FILE_BYTES - 1, FILE_BYTES + 1, 1 << 40])
def test_a_table_of_another_file(file_bytes):
    assert code_of(parse_table, build_table(ROWS), file_bytes) == "RPK022"


@pytest.mark.parametrize("row", [Row(0, 60, 8), Row(50, 0, 8)])
def test_empty_frames(row):
    assert code_of(parse_table, build_table([Row(100, 1000, 7), row]), FILE_BYTES - 50 + row.packed) == "RPK022"


@pytest.mark.parametrize("flags", [0, 0x81, 0x40, 0xFF])
def test_other_flags(flags):
    table = build_table(ROWS)
    assert code_of(count_frames, table[:-5] + bytes([flags]) + table[-4:]) == "RPK022"


@pytest.mark.parametrize("end", [b"", b"short", bytes(100), b"\xb1\xea\x92\x8f" + bytes(50)])
def test_no_table(end):
    assert code_of(count_frames, end) == "RPK021"


def test_chance_is_not_taken_for_a_table():
    assert code_of(count_frames, bytes(100) + b"\x01\0\0\0\x80\xb1\xea\x92\x8f" + bytes(50)) == "RPK021"


@pytest.mark.parametrize("before", [b"", bytes(500)])
@pytest.mark.parametrize("after", [b"x", b"\xb1\xea\x92\x8f"[:3], bytes(1000)])
def test_data_behind_a_table(before, after):
    assert code_of(count_frames, before + build_table(ROWS) + after) == "RPK023"


def test_a_seal_depends_on_order():
    assert build_seal([b"1" * 8, b"2" * 8]) != build_seal([b"2" * 8, b"1" * 8])


@pytest.mark.parametrize(("at", "code"), [(0, "RPK022"), (4, "RPK022"), (8, "RPK020"), (24, "RPK025")])
def test_damaged_seals(at, code):
    seal = bytearray(build_seal([b"1" * 8]))
    assert check_seal(bytes(seal)) is None
    seal[at] ^= 1
    assert code_of(check_seal, bytes(seal)) == code
