"""Laws of the comparators: packing never counts, every bit of content does, and no bytes make them fail."""

from __future__ import annotations

import io
import json
import math
import pickle
import struct
import tempfile
from pathlib import Path

import joblib
import numpy as np
import safetensors.numpy
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reprokit.compare.files import Options, compare_files
from reprokit.compare.files.content import key_part
from reprokit.compare.files.dtypes import largest_step

laws = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(max_size=8),
)
keys = st.one_of(st.text(max_size=6), st.integers(-3, 3), st.none(), st.tuples(st.integers(0, 2), st.text(max_size=2)))
values = st.recursive(
    st.one_of(scalars, st.binary(max_size=80), st.frozensets(st.text(max_size=3), max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.tuples(inner, inner), st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)
documents = st.recursive(
    st.one_of(scalars, st.floats()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)),
    max_leaves=12,
)
arrays = hnp.arrays(
    st.sampled_from(["f2", "f4", "f8", "c8", "i1", "i8", "u4", "?", "U3", "S4"]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


def canonical(value):
    """An independent statement of what is content: type, bits, members; not the order of keys.

    Of NaN there is one here, as in JSON; no pickle is drawn with any.
    """
    if isinstance(value, dict):
        return "dict", frozenset((repr(key), canonical(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return type(value).__name__, tuple(map(canonical, value))
    if isinstance(value, float):
        return "float", struct.pack(">d", math.nan if math.isnan(value) else value)
    return type(value).__name__, value


def compared(a: bytes, b: bytes, name: str):
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "a"), Path(folder, "b")
        first.write_bytes(a)
        second.write_bytes(b)
        return compare_files(first, second, name)


@laws
@given(values, st.integers(0, 5), st.integers(0, 5))
def test_the_protocol_of_a_pickle_is_not_content(value, one, other):
    assert compared(pickle.dumps(value, one), pickle.dumps(value, other), "x.pkl").equal


@laws
@given(values, values)
def test_pickles_are_equal_exactly_when_their_content_is(a, b):
    result = compared(pickle.dumps(a), pickle.dumps(b, 4), "x.pkl")
    assert result.equal == (canonical(a) == canonical(b))
    assert not result.note
    assert compared(pickle.dumps(b, 4), pickle.dumps(a), "x.pkl").differing == result.differing


@laws
@given(documents, documents)
@example(math.nan, math.copysign(math.nan, -1))
def test_json_is_equal_exactly_when_its_content_is(a, b):
    result = compared(json.dumps(a).encode(), json.dumps(b, indent=1, sort_keys=True).encode(), "x.json")
    assert result.equal == (canonical(a) == canonical(b))


def packed(value, writer):
    buffer = io.BytesIO()
    writer(buffer, value)
    return buffer.getvalue()


WRITERS = {
    "x.npy": [np.save],
    "x.npz": [lambda file, value: np.savez(file, x=value), lambda file, value: np.savez_compressed(file, x=value)],
    "x.joblib": [
        lambda file, value: joblib.dump(value, file),
        lambda file, value: joblib.dump(value, file, compress=3),
        lambda file, value: pickle.dump(value, file, 2),
    ],
}


@laws
@given(arrays, st.sampled_from(sorted(WRITERS)), st.data())
def test_arrays_are_equal_however_they_are_packed(value, name, data):
    one, other = (data.draw(st.sampled_from(WRITERS[name])) for _ in range(2))
    result = compared(packed(value, one), packed(value, other), name)
    assert result.equal
    assert not result.note


@laws
@given(arrays, st.sampled_from(sorted(WRITERS)), st.data())
def test_one_bit_is_found_where_it_is(value, name, data):
    kinds = value.dtype.kind
    if value.size == 0 or kinds in "US?":
        return
    changed = np.array(value, copy=True)
    index = data.draw(st.integers(0, value.size - 1))
    bits = changed.reshape(-1).view(np.uint8)
    bits[index * value.dtype.itemsize + data.draw(st.integers(0, value.dtype.itemsize - 1))] ^= 1 << data.draw(
        st.integers(0, 7)
    )
    changed = bits.view(value.dtype).reshape(value.shape)
    [writer, *_] = WRITERS[name]
    [found] = compared(packed(value, writer), packed(changed, WRITERS[name][-1]), name).differences
    assert found.index == tuple(np.unravel_index(index, value.shape))
    assert found.share == 1 / value.size


SEEDS = {
    "x.pkl": pickle.dumps({"a": [1, 2.5, {"b"}], "w": np.arange(5), "n": (None, "t")}),
    "x.joblib": packed([np.arange(5), np.array([1, "x"], dtype=object)], lambda f, v: joblib.dump(v, f)),
    "y.joblib": packed(np.arange(50), lambda f, v: joblib.dump(v, f, compress=("zlib", 3))),
    "x.npz": packed(np.arange(5.0), WRITERS["x.npz"][1]),
    "x.npy": packed(np.arange(5.0), WRITERS["x.npy"][0]),
    "x.safetensors": safetensors.numpy.save({"w": np.arange(5.0), "v": np.zeros((2, 2), np.float32)}),
    "x.json": json.dumps({"a": [1, 2.5, None], "b": {"c": "é"}}).encode(),
    "x.jsonl": b'{"a": 1}\n{"a": 2}\n',
    "x.csv": b'a,b\n1,"x\ny"\n2,z\n',
}


def checkpoints():
    import torch

    value = {"w": torch.arange(6.0).view(2, 3).t(), "n": 3, "s": torch.eye(2).to_sparse()}
    for name, new in (("x.pt", True), ("y.pt", False)):
        buffer = io.BytesIO()
        torch.save(value, buffer, _use_new_zipfile_serialization=new)
        SEEDS[name] = buffer.getvalue()


checkpoints()


@settings(laws, max_examples=400)
@given(st.sampled_from(sorted(SEEDS)), st.data())
def test_damage_never_raises(name, data):
    damaged = bytearray(SEEDS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        match data.draw(st.sampled_from(["set", "cut", "insert"])):
            case "set":
                damaged[at] = data.draw(st.integers(0, 255))
            case "cut":
                del damaged[at : data.draw(st.sampled_from([at + 1, len(damaged)]))]
            case "insert":
                damaged[at:at] = data.draw(st.binary(max_size=4))
        if not damaged:
            damaged = bytearray(b"x")
    result = compared(SEEDS[name], bytes(damaged), name)
    assert isinstance(result.equal, bool)
    assert result.equal == (not result.differing)
    again = compared(bytes(damaged), bytes(damaged) + b"\0", name)
    assert again.equal == (not again.differing)


@laws
@given(st.lists(st.one_of(st.text(), st.text(alphabet='~/"<0123456789-', max_size=4)), max_size=8, unique=True))
def test_parts_of_paths_tell_keys_apart(names):
    parts = {key_part(name) for name in names}
    assert len(parts) == len(names)
    assert not any("/" in part or part.removeprefix("-").isdigit() or part.startswith("<") for part in parts)


@laws
@given(st.floats(allow_nan=False, max_value=2.0**127, allow_infinity=False, width=32), st.integers(0, 50))
def test_steps_are_counted(start, steps):
    here = there = np.array([start], np.float32)
    for _ in range(steps):
        there = np.nextafter(there, np.float32(math.inf))
    assert largest_step("float32", here, there) == largest_step("float32", there, here) == steps


@laws
@given(st.text(max_size=40), st.text(max_size=40))
def test_text_without_patterns_is_equal_exactly_when_its_bytes_are(a, b):
    assert compared(a.encode(), b.encode(), "x.txt").equal == (a == b)


def test_no_differences_are_described_when_none_are_wanted(tmp_path):
    (tmp_path / "a").write_bytes(b"[1, 2]")
    (tmp_path / "b").write_bytes(b"[1, 3]")
    result = compare_files(tmp_path / "a", tmp_path / "b", "x.json", Options(max_differences=0))
    assert (result.differences, result.differing, result.equal) == ((), 1, False)
