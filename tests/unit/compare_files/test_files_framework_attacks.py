"""Hostile files in the frameworks' formats: nothing raises, under a second and 200 MB, children included."""

from __future__ import annotations

import json
import pickle
import struct
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from tests.unit.compare_files import framework_bytes as fb

pytestmark = pytest.mark.slow

SECONDS, MEGABYTES = 4.0, 200.0  # they take up to 0.7 s of a busy processor; what is quadratic takes minutes
PROBE = """
import json, os, re, resource, sys
from pathlib import Path
from reprokit.compare.files import Options
from reprokit.compare.files.registry import comparators, group_comparators
from reprokit.launch.outputs import compare_outputs
comparators(), group_comparators()
sides = [{str(p.relative_to(t)): p for p in Path(t).rglob("*") if p.is_file()} for t in sys.argv[1:]]
def used(who):
    found = resource.getrusage(who)
    return found.ru_utime + found.ru_stime, found.ru_maxrss
def kibibytes():  # not `ru_maxrss` of this process, which it took over from its parent
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before, held = used(resource.RUSAGE_SELF), kibibytes()
found = dict(compare_outputs(*sides, Options()))
own, children = used(resource.RUSAGE_SELF), used(resource.RUSAGE_CHILDREN)
answers = [[name, getattr(one, "equal", False), one.note] for name, one in found.items()]
print(json.dumps([own[0] - before[0], children[0], (kibibytes() - held) / 1024, children[1] / 1024, answers]))
"""


def deep_message(depth):
    data = b""
    for _ in range(depth):
        data = fb.field(51, [fb.field(1, data)])
    return fb.field(2, [fb.field(7, [fb.field(2, [fb.field(1, "f"), fb.field(2, [fb.field(3, data)])])])])


def entry(size, offset=0, lengths=(2,), code=1):
    return b"".join([fb.field(1, code), fb.field(2, fb.shape(*lengths)), fb.field(4, offset), fb.field(5, size)])


def checkpoint(*entries, data=b"\0" * 64):
    rows = [(b"", fb.field(1, 1)), *((f"t{i}".encode(), one) for i, one in enumerate(entries))]
    return {"c.index": fb.table(rows), "c.data-00000-of-00001": data}


def one_block_many_times():
    body = fb.block([(b"", fb.field(1, 1)), *((f"t{i:04}".encode(), entry(8)) for i in range(2000))])
    index = fb.block([(f"{i:08}".encode(), fb.varint(0) + fb.varint(len(body) - 5)) for i in range(20_000)])
    meta = fb.block([])
    places = fb.varint(len(body)) + fb.varint(len(meta) - 5) + fb.varint(len(body + meta)) + fb.varint(len(index) - 5)
    return {"c.index": body + meta + index + places.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db"),
            "c.data-00000-of-00001": b"\0" * 64}  # fmt: skip


def huge_constant():
    """A constant of 2**40 elements, of which one is given: it stands for all that follow it."""
    tensor = [fb.field(1, 1), fb.field(2, fb.shape(1 << 40)), fb.field(5, b"\0" * 4)]
    node = [fb.field(1, "n"), fb.field(5, [fb.field(1, "v"), fb.field(2, [fb.field(8, tensor)])])]
    return fb.field(2, [fb.field(2, [fb.field(1, node)])])


def hdf5(write):
    import io

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write(file)
    return buffer.getvalue()


def bomb(file):
    data = file.create_dataset("x", (1 << 16, 1 << 10), "f4", chunks=(1 << 12, 1 << 10), compression="gzip")
    data[: 1 << 13] = np.zeros((1 << 13, 1 << 10), "f4")


def doubled_groups(file):
    here = file
    for _ in range(14):
        below = here.create_group("a")
        here["b"] = below
        here = below


def deep_groups(file):
    file.create_group("/".join("a" * 500))


def lying(data, old, new):
    assert old in data
    return data.replace(old, new)


def metadata(chunks, size=(1 << 40,)):
    """The ``.metadata`` of a sharded checkpoint that claims whatever it likes."""
    import torch
    from torch.distributed.checkpoint import metadata as kinds
    from torch.distributed.checkpoint.filesystem import _StorageInfo

    entry = kinds.TensorStorageMetadata(
        kinds.TensorProperties(torch.float32), torch.Size(size),
        [kinds.ChunkStorageMetadata(torch.Size([0] * len(size)), torch.Size(size))] * chunks,
    )  # fmt: skip
    places = {kinds.MetadataIndex("w", torch.Size([0] * len(size)), 0): _StorageInfo("__0_0.distcp", 0, 1 << 60)}
    return pickle.dumps(kinds.Metadata({"w": entry}, None, places))


def keras_bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("metadata.json", "{}")
        zipped.writestr("config.json", b" " * (200 << 20))
        zipped.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n")
    return path.read_bytes()


EVENT = fb.record(fb.field(3, "brain.Event:2"))
FILES = {
    "length.events": {"a.tfevents": EVENT + fb.record(b"x")[:8] + b"\0" * 8},
    "cut.events": {"a.tfevents": EVENT + fb.record(b"x" * 100)[:50]},
    "many.events": {"a.tfevents": EVENT + fb.record(fb.field(2, 1)) * 20_000},
    "deep.model": {"m/saved_model.pb": deep_message(5000)},
    "claim.model": {"m/saved_model.pb": b"\x12" + fb.varint(1 << 60)},
    "tensor.model": {"m/saved_model.pb": fb.saved_model((1.0, 2.0)).replace(b"\x08\x02", b"\x08\x7f")},
    "huge.tensor": {"m/saved_model.pb": huge_constant()},
    "offset.ckpt": checkpoint(entry(8, offset=1 << 62)),
    "shape.ckpt": checkpoint(entry(8, lengths=(1 << 40, 1 << 40))),
    "texts.ckpt": checkpoint(entry(64, lengths=(1 << 40,), code=7)),
    "negative.ckpt": checkpoint(entry(-8)),
    "footer.ckpt": {"c.index": b"\xff" * 40 + bytes.fromhex("57fb808b247547db"), "c.data-00000-of-00001": b""},
    "blocks.ckpt": one_block_many_times(),
    "bomb.h5": {"a.h5": hdf5(bomb)},
    "doubled.h5": {"a.h5": hdf5(doubled_groups)},
    "deep.h5": {"a.h5": hdf5(deep_groups)},
    "cut.h5": {"a.h5": hdf5(bomb)[:3000]},
    "superblock.h5": {"a.h5": b"\x89HDF\r\n\x1a\n" + b"\xff" * 4000},
    "depth.msgpack": {"a.msgpack": b"\x91" * 1_000_000},
    "count.msgpack": {"a.msgpack": b"\xdd\xff\xff\xff\xff" + b"\xc0" * 100},
    "maps.msgpack": {"a.msgpack": b"\xdf\x00\x0f\x00\x00" + b"\xa0\xc0" * 983_040},
    "array.msgpack": {"a.msgpack": b"\xc7\x10\x01\x93\x91\xce\x7f\xff\xff\xff\xa2f8\xc4\x01x" + b"\0" * 3},
    "depth.ubj": {"a.ubj": b"[" * 1_000_000},
    "count.ubj": {"a.ubj": b"[$Z#L" + struct.pack(">q", 1 << 60)},
    "nothing.ubj": {"a.ubj": b"[$Z#l" + struct.pack(">i", 900_000) + b"\0" * 1_000_000},
    "typed.ubj": {"a.ubj": b"[$[#U\xff" + b"$" * 600},
    "line.lightgbm": {"a.txt": b"tree\nversion=v4\nx=" + b"1 " * 3_000_000},
    "tree.orbax": {"o/_METADATA": b"[" * 100_000, "o/manifest.ocdbt": b"\x0c\xdb" + b"\xff" * 100},
    "manifest.orbax": {"o/_METADATA": b"{}", "o/manifest.ocdbt": bytes.fromhex("0cdb3a2a") + b"\xff" * 500},
    "zarr.orbax": {
        "o/_METADATA": b"{}",
        "o/x/.zarray": json.dumps(
            {"zarr_format": 2, "shape": [1 << 40], "chunks": [1 << 40], "dtype": "<f8", "compressor": None,
             "fill_value": 0, "filters": None, "order": "C"}
        ).encode(),
        "o/x/0": b"\0" * 64,
    },
}  # fmt: skip


def probe(tmp_path, files):
    for side in "ab":
        for name, data in files.items():
            path = tmp_path / side / name
            path.parent.mkdir(parents=True, exist_ok=True)
            last = name == list(files)[-1]
            # Not the same bytes, or nothing would be read; of several files the last one differs.
            path.write_bytes(data if side == "a" or not last else data + b"\1")
    done = subprocess.run(
        [sys.executable, "-c", PROBE, tmp_path / "a", tmp_path / "b"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def check(found):
    own, children, megabytes, of_a_child, answers = found
    assert not all(equal for _, equal, _ in answers), answers
    assert own < SECONDS, (own, answers)
    assert children < 2 * (SECONDS + 1.0), (children, answers)  # two of them, each loads its library first
    assert megabytes < MEGABYTES, (megabytes, answers)
    assert of_a_child < 2 * MEGABYTES, (of_a_child, answers)


@pytest.mark.parametrize("name", FILES)
def test_attack_costs_little(tmp_path, name):
    check(probe(tmp_path, FILES[name]))


def test_a_keras_archive_that_expands(tmp_path):
    check(probe(tmp_path, {"m.keras": keras_bomb(tmp_path / "m.keras")}))


@pytest.mark.parametrize(("chunks", "size"), [(1, (1 << 40,)), (100_000, (1,)), (1, (1 << 62, 1 << 62)), (0, (5,))])
def test_a_sharded_checkpoint_that_lies(tmp_path, chunks, size):
    files = {"d/.metadata": metadata(chunks, size), "d/__0_0.distcp": b"PK\x03\x04" + b"\0" * 100}
    check(probe(tmp_path, files))


def test_nothing_in_the_metadata_of_a_sharded_checkpoint_runs(tmp_path):
    witness = tmp_path / "ran"
    command = f"touch {witness}".encode()
    data = b"\x80\x02cos\nsystem\nX" + struct.pack("<I", len(command)) + command + b"\x85R."
    check(probe(tmp_path, {"d/.metadata": data, "d/__0_0.distcp": data}))
    assert not witness.exists()
    pickle.loads(data)
    assert witness.exists(), "the attack itself must work, or the test shows nothing"


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_hdf5_file_ends_in_an_answer(tmp_path, seed):
    draw = np.random.default_rng(seed)

    def write(file):
        file.create_dataset("a/b", data=np.arange(100.0), compression="gzip", chunks=(10,))
        file["c"] = ["x", "yy"]
        file.attrs["k"] = "v"

    damaged = bytearray(hdf5(write))
    for at in draw.integers(0, len(damaged), 6):
        damaged[at] = draw.integers(0, 256)
    own, children, *_ = found = probe(tmp_path, {"a.h5": bytes(damaged)})
    assert own < SECONDS, found
    assert children < 2 * (SECONDS + 1.0), found
