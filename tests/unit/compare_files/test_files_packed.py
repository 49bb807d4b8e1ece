"""MessagePack, UBJSON, LightGBM's text, pieces of tensors, compressed joblib: by hand, without a framework."""

from __future__ import annotations

import struct

import joblib
import numpy as np
import pytest

from reprokit.compare.files import UnreadableError, compare_files, read_content
from reprokit.compare.files.arrays import dense
from reprokit.compare.files.pieces import Piece, put_together


def flax_array(values, code=1):
    name = values.dtype.name.encode()
    inner = b"\x93" + bytes([0x90 | values.ndim]) + bytes(values.shape) + bytes([0xA0 | len(name)]) + name
    inner += b"\xc4" + bytes([values.nbytes]) + values.tobytes()
    return b"\xc7" + bytes([len(inner), code]) + inner


def tree(kernel, *, turned=False):
    parts = [b"\xa1w" + flax_array(kernel), b"\xa4step\xcd\x00\x07"]
    return b"\x82" + b"".join(reversed(parts) if turned else parts)


WEIGHTS = np.arange(6, dtype=np.float32).reshape(2, 3)


def compared(tmp_path, a, b, name):
    (tmp_path / "a").write_bytes(a)
    (tmp_path / "b").write_bytes(b)
    return compare_files(tmp_path / "a", tmp_path / "b", name)


def further(array):
    changed = array.copy()
    changed.flat[-1] = np.nextafter(changed.flat[-1], np.inf)
    return changed


def test_of_a_flax_tree_the_order_of_keys_is_packing_and_each_bit_is_content(tmp_path):
    found = compared(tmp_path, tree(WEIGHTS), tree(WEIGHTS, turned=True), "x.msgpack")
    assert (found.equal, found.method) == (True, "MessagePack: 1 tensor, 1 value")
    [difference] = compared(tmp_path, tree(WEIGHTS), tree(further(WEIGHTS)), "x.msgpack").differences
    assert (difference.where, difference.index, difference.max_ulp) == ("w", (1, 2), 1)


def test_the_width_of_a_number_is_packing_its_kind_is_content(tmp_path):
    assert compared(tmp_path, b"\x91\x07", b"\xdc\x00\x01\xd3" + bytes(7) + b"\x07", "x.msgpack").equal
    assert not compared(tmp_path, b"\x91\x07", b"\x91\xcb" + struct.pack(">d", 7), "x.msgpack").equal
    assert not compared(tmp_path, b"\x91\xca" + struct.pack(">f", 7), b"\x91\xcb" + struct.pack(">d", 7), "a.mpk").equal
    assert not compared(tmp_path, b"\x91\xa11", b"\x91\xc4\x011", "x.msgpack").equal


def ubjson(values, depth=b"U\x06"):
    typed = b"[$d#U" + bytes([values.size]) + values.astype(">f4").tobytes()
    return b"{U\x05depth" + depth + b"L" + struct.pack(">q", 1) + b"w" + typed + b"}"


def test_of_ubjson_lengths_are_packing_and_each_bit_is_content(tmp_path):
    values = WEIGHTS.ravel()
    assert compared(tmp_path, ubjson(values), ubjson(values).replace(b"U\x05depth", b"i\x05depth"), "x.ubj").equal
    assert compared(tmp_path, ubjson(values), ubjson(values, b"l\0\0\0\x06"), "x.ubj").equal
    [difference] = compared(tmp_path, ubjson(values), ubjson(further(values)), "x.ubj").differences
    assert (difference.where, difference.index, difference.max_ulp) == ("w", (5,), 1)
    assert not compared(tmp_path, ubjson(values), ubjson(values, b"U\x07"), "x.ubj").equal


MODEL = """tree
version=v4
num_class=1
feature_names=a b
tree_sizes=100

Tree=0
num_leaves=2
threshold=1.5 {threshold}
leaf_value={leaf} -0


end of trees

parameters:
[objective: binary]
[output_model: {path}]
end of parameters
"""


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"path": "/elsewhere"}, None),
        ({"leaf": "1.50"}, None),
        ({"leaf": "1.5000000000000002"}, "Tree=0/leaf_value"),
        ({"threshold": "1"}, "Tree=0/threshold"),
    ],
)
def test_of_a_lightgbm_model_numbers_count_and_paths_do_not(tmp_path, change, where):
    texts = [MODEL.format(**{"threshold": "2", "leaf": "1.5", "path": "here", **one}) for one in ({}, change)]
    found = compared(tmp_path, *(text.encode() for text in texts), "model.txt")
    assert found.equal == (where is None)
    assert found.same_schema
    assert [difference.where for difference in found.differences] == ([where] if where else [])
    assert not compared(tmp_path, texts[0].encode(), texts[0].replace("-0\n", "0\n").encode(), "model.txt").equal


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_of_joblib_the_compression_is_packing(tmp_path, compress):
    joblib.dump({"w": WEIGHTS, "n": 3}, tmp_path / "a")
    joblib.dump({"w": WEIGHTS, "n": 3}, tmp_path / "b", compress=compress)
    joblib.dump({"w": further(WEIGHTS), "n": 3}, tmp_path / "c", compress=compress)
    assert compare_files(tmp_path / "a", tmp_path / "b", "x.joblib").equal
    [difference] = compare_files(tmp_path / "a", tmp_path / "c", "x.joblib").differences
    assert (difference.where, difference.max_ulp) == ("w", 1)


def tensor(array):
    flat = np.ascontiguousarray(array)
    return dense(flat.reshape(-1).view(np.uint8), flat.dtype, flat.shape)


def cut(array, rows, columns):
    found = []
    for top, bottom in zip([0, *rows], [*rows, array.shape[0]], strict=True):
        for left, right in zip([0, *columns], [*columns, array.shape[1]], strict=True):
            found.append(Piece((top, left), tensor(array[top:bottom, left:right])))
    return found


@pytest.mark.parametrize(("rows", "columns"), [([], []), ([1, 2], []), ([], [3]), ([2], [1, 4]), ([0, 2], [])])
def test_pieces_make_the_tensor_that_was_cut(rows, columns):
    whole = np.arange(20, dtype=np.float32).reshape(4, 5)
    made = put_together("w", (4, 5), cut(whole, rows, columns)[::-1])
    assert made.array().tolist() == whole.tolist()
    assert [block.size for block in made.blocks(7)] in ([7, 7, 6], [7] * 2 + [6])


def test_pieces_with_a_hole_an_overlap_or_of_two_types_are_refused():
    whole = np.arange(20, dtype=np.float32).reshape(4, 5)
    pieces = cut(whole, [2], [])
    wrong = [
        pieces[:1],
        [pieces[0], Piece((1, 0), pieces[1].tensor)],
        [pieces[0], Piece((3, 0), pieces[1].tensor)],
        [pieces[0], Piece((2, 0), tensor(np.zeros((2, 5))))],
        [pieces[0], Piece((2,), pieces[1].tensor)],
        [*cut(whole, [2], [2])[:3], Piece((2, 1), tensor(np.zeros((2, 3), np.float32)))],
    ]
    for one in wrong:
        with pytest.raises(UnreadableError):
            put_together("w", (4, 5), one)


@pytest.mark.parametrize("name", ["x.msgpack", "x.ubj"])
def test_what_ends_early_or_late_is_refused(tmp_path, name):
    data = tree(WEIGHTS) if name == "x.msgpack" else ubjson(WEIGHTS.ravel())
    for damaged in (data[:-1], data + b"\0", data[: len(data) // 2]):
        (tmp_path / "a").write_bytes(damaged)
        with pytest.raises(UnreadableError):
            read_content(tmp_path / "a", name)
