"""Hostile files: no exception, nothing runs, under a second and 200 MB each, measured in a process of their own."""

from __future__ import annotations

import io
import json
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest

from reprokit.compare.files import UnreadableError, compare_files, read_content

SECONDS, MEGABYTES = 4.0, 200.0  # they take up to 0.7 s of a busy processor; what is quadratic takes minutes

# Runs in a fresh process: peak memory never goes down, so each attack needs its own.
PROBE = """
import json, re, resource, sys, time
from pathlib import Path
from reprokit.compare.files import UnreadableError, compare_files, read_content
from reprokit.compare.files.registry import comparators
comparators()
a, b = map(Path, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
def kibibytes():  # not `ru_maxrss`, which a child takes over from its parent
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before, start = kibibytes(), time.process_time()
result = compare_files(a, b, a.name)
spent = time.process_time() - start
peak = kibibytes() - before
print(json.dumps([spent, peak / 1024, result.equal, result.method, result.note]))
"""


def shared_dag():
    value = []
    for _ in range(100):
        value = [value, value]
    return pickle.dumps(value)


def shared_tuples():
    # Each tuple comes twice in the next one: 2**60 leaves.
    return b"\x80\x02)q\x00" + b"".join(_double(i) for i in range(60)) + b"."


def _double(i):
    return b"0h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1])


def nested_tuple_keys():
    key = b")" + b"\x85" * 200_000
    return b"\x80\x02}" + key + b"K\x01s."


def deep_lists():
    return b"\x80\x02" + b"]" * 300_000 + b"a" * 299_999 + b"."


def many_calls_of_one_argument_list():
    head = b"\x80\x04\x8c\x01m\x8c\x01f\x93q\x00(" + b"K\x01" * 10_000 + b"tq\x01](" + b"h\x00h\x01R" * 20_000
    return head + b"e."


def long_text_many_times():
    text = b"X" + struct.pack("<I", 1_000_000) + b"a" * 1_000_000 + b"q\x00"
    return b"\x80\x02" + text + b"0}(" + b"h\x00h\x00" * 100_000 + b"u."


def spelt_bytes_many_times():
    text = b"X" + struct.pack("<I", 1_000_000) + b"a" * 1_000_000 + b"q\x00"
    call = b"c_codecs\nencode\nq\x01X\x06\x00\x00\x00latin1q\x02"
    return b"\x80\x02" + text + call + b"](" + b"h\x01h\x00h\x02\x86R" * 10_000 + b"e."


def huge_number_many_times():
    return (
        b"\x80\x02\x8b" + struct.pack("<i", 1_000_000) + b"\x7f" * 1_000_000 + b"q\x00](" + b"h\x00" * 100_000 + b"e."
    )


def array_many_times():
    array = pickle.dumps(np.zeros(1_000_000), protocol=4)[:-1] + b"q\xf0"
    return array + b"](" + b"h\xf0" * 100_000 + b"e."


PICKLES = {
    "memo-index": b"\x80\x02K\x01r" + struct.pack("<I", 1 << 28) + b"p268435456\n.",
    "bytearray-1GB": b"\x80\x05\x96" + struct.pack("<Q", 1 << 30) + b".",
    "text-1EB": b"\x80\x05\x8d" + struct.pack("<Q", 1 << 60) + b".",
    "frame-1EB": b"\x80\x05\x95" + struct.pack("<Q", 1 << 60) + b".",
    "extension": b"\x80\x02\x82\x01.",
    "buffers": b"\x80\x05\x97.",
    "negative-length": b"\x80\x02T\xff\xff\xff\xff.",
    "no-mark": b"\x80\x02u.",
    "long-line": b"\x80\x02I" + b"9" * 1_000_000 + b"\n.",
    "text-digits": b"\x80\x02L" + b"9" * 100_000 + b"L\n.",
    "shared-dag": shared_dag(),
    "shared-tuples": shared_tuples(),
    "nested-tuple-keys": nested_tuple_keys(),
    "deep-lists": deep_lists(),
    "calls-of-one-list": many_calls_of_one_argument_list(),
    "long-text": long_text_many_times(),
    "spelt-bytes": spelt_bytes_many_times(),
    "huge-number": huge_number_many_times(),
    "one-array": array_many_times(),
    "marks": b"\x80\x02" + b"(" * 500_000 + b".",
    "joblib-shape": pickle.dumps(0)[:2]
    + b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\x00\x00\x00shapeJ\xff\xff\xff\x7f\x85"
    b"X\x05\x00\x00\x00dtype"
    b"cnumpy\ndtype\nX\x02\x00\x00\x00f8\x85RX\x05\x00\x00\x00orderX\x01\x00\x00\x00Cub.",
}


def zipped(members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tensor_pickle(offset, size, stride, count=4):
    """A state dict of one tensor, as PyTorch 1.6 and later write it."""

    def integers(values):
        return b"(" + b"".join(b"\x8a\x08" + struct.pack("<q", v) for v in values) + b"t"

    pid = (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK"
        + bytes([count])
        + b"tQ"
    )
    args = pid + b"\x8a\x08" + struct.pack("<q", offset) + integers(size) + integers(stride) + b"\x89)"
    return b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n(" + args + b"tRs."


def checkpoint(*view, **options):
    return zipped({"a/data.pkl": tensor_pickle(*view, **options), "a/data/0": b"\0" * 16})


def npy(header):
    text = header.encode().ljust(118)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + b"\0" * 64


def bomb(size):
    return zipped({"x.npy": np.lib.format.magic(1, 0) + b"\0" * size}, zipfile.ZIP_DEFLATED)


SPAN = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
OVERLAP = json.dumps({"a": SPAN, "b": SPAN}).encode()

FILES = {
    "offset.pt": checkpoint(3, [4], [1]),
    "negative-offset.pt": checkpoint(-1, [2], [1]),
    "negative-stride.pt": checkpoint(3, [4], [-1]),
    "huge-stride.pt": checkpoint(0, [2], [1 << 61]),
    "overflow.pt": checkpoint(0, [1 << 61, 1 << 61], [0, 0]),
    "expanded.pt": checkpoint(0, [1 << 40], [0]),
    "overlapping.pt": checkpoint(0, [2, 2, 1 << 36], [1, 1, 0]),
    "count.pt": checkpoint(0, [4], [1], count=200),
    "no-storage.pt": zipped({"a/data.pkl": tensor_pickle(0, [4], [1])}),
    "bomb.pt": zipped({"a/data.pkl": b"\x80\x02}.", "a/data/0": b"\0" * (500 << 20)}, zipfile.ZIP_DEFLATED),
    "bomb.npz": bomb(500 << 20),
    "code.npy": npy("{'descr': __import__('os').system('touch /tmp/x'), 'fortran_order': False, 'shape': (1,)}"),
    "shape.npy": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,)}"),
    "negative.npy": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -8)}"),
    "item.npy": npy("{'descr': '<V999999999', 'fortran_order': False, 'shape': (1099511627776,)}"),
    "nested.npy": npy("(" * 110),
    "deep.json": b"[" * 100_000,
    "closed.json": b"[" * 100_000 + b"]" * 100_000,
    "deep-object.json": b'{"a":' * 100_000,
    "integer.json": b"[" + b"9" * 5_000_000 + b"]",
    "digits.json": b"[" + b",".join([b"9" * 4000] * 100) + b"]",
    "float.json": b"[1e999999999, 1." + b"1" * 1_000_000 + b"]",
    "wide.json": b"[" + b"[]," * 3_000_000 + b"[]]",
    "long-keys.json": b'{"' + b"k" * 5_000_000 + b'": 1}',
    "bomb.json.gz": zlib.compress(b" " * (300 << 20), 9, 31),
    "length.safetensors": struct.pack("<Q", 1 << 63) + b"{",
    "nested.safetensors": struct.pack("<Q", 100_000) + b"{" + b"[" * 99_999,
    "overlap.safetensors": struct.pack("<Q", len(OVERLAP)) + OVERLAP + b"\0" * 8,
    "wide.csv": b"a," * 3_000_000 + b"\n" + b"1," * 100,
    "cell.csv": b'a\n"' + b"x" * 1_000_000,
}


def probe(tmp_path, name, data):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = tmp_path / "a" / name, tmp_path / "b" / name
    first.write_bytes(data)
    # Not the same bytes, or nothing would be read.
    second.write_bytes(data + b"\0" if name.endswith((".csv", ".json")) else data[:-1] + bytes([data[-1] ^ 1]))
    if name.endswith((".pkl", ".pt", ".npz", ".gz")):
        second.write_bytes(data + data[-1:])
    done = subprocess.run(
        [sys.executable, "-c", PROBE, first, second], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", [*(f"{name}.pkl" for name in PICKLES), *FILES])
def test_attack_costs_little(tmp_path, name):
    data = FILES[name] if name in FILES else PICKLES[name.removesuffix(".pkl")]
    seconds, megabytes, equal, method, note = probe(tmp_path, name, data)
    assert not equal
    assert megabytes < MEGABYTES, (megabytes, method, note)
    assert seconds < SECONDS, (seconds, method, note)


@pytest.mark.parametrize(
    "name", ["offset.pt", "negative-offset.pt", "negative-stride.pt", "huge-stride.pt", "expanded.pt", "no-storage.pt"]
)
def test_views_outside_their_storage_are_refused(tmp_path, name):
    (tmp_path / "a.pt").write_bytes(FILES[name])
    with pytest.raises(UnreadableError, match=r"claims|strides|far more|missing"):
        read_content(tmp_path / "a.pt", "a.pt")


RUNS = {
    "reduce": b"\x80\x02cos\nsystem\nX%s\x85R.",
    "instance": b"(X%sios\nsystem\n.",
    "object": b"(cos\nsystem\nX%so.",
    "new": b"\x80\x02cos\nsystem\nX%s\x85\x81.",
    "stack-global": b"\x80\x04\x8c\x02os\x8c\x06system\x93X%s\x85R.",
    "build": b"\x80\x02cbuiltins\nobject\n)\x81}X\x0c\x00\x00\x00__setstate__cos\nsystem\nsbX%sb.",
}


@pytest.mark.parametrize("name", RUNS)
def test_nothing_runs(tmp_path, name):
    witness = tmp_path / "ran"
    command = f"touch {witness}".encode()
    data = RUNS[name].replace(b"X%s", b"X" + struct.pack("<I", len(command)) + command)
    if name == "reduce":
        pickle.loads(data)
        assert witness.exists(), "the attack itself must work, or the test shows nothing"
        witness.unlink()
    (tmp_path / "a.pkl").write_bytes(data)
    (tmp_path / "b.pkl").write_bytes(data[:-1] + b"0N.")
    result = compare_files(tmp_path / "a.pkl", tmp_path / "b.pkl", "a.pkl")
    assert not result.equal
    assert not result.note
    assert not witness.exists()


def test_equal_hostile_files_are_equal(tmp_path):
    (tmp_path / "a.pkl").write_bytes(PICKLES["deep-lists"])
    result = compare_files(tmp_path / "a.pkl", tmp_path / "a.pkl", "a.pkl")
    assert result.equal
    assert result.method == "pickle"


def test_names_are_safe_to_print(tmp_path):
    for name, number in (("a", 1), ("b", 2)):
        (tmp_path / name).write_bytes(json.dumps({"\x1b[2J\u202e" + "k" * 500: number}).encode())
    [difference] = compare_files(tmp_path / "a", tmp_path / "b", "x.json").differences
    assert difference.where.isprintable()
    assert len(difference.where) < 200
