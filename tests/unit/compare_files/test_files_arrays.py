"""safetensors, npy and npz, written by their own libraries."""

from __future__ import annotations

import json
import struct
import zipfile

import numpy as np
import pytest
import safetensors.numpy

from reprokit.compare.files import Scalar, Tensor, compare_files, read_content


def arrays():
    rng = np.random.default_rng(0)
    return {
        "w": rng.normal(size=(3, 4)).astype(np.float32),
        "half": rng.normal(size=5).astype(np.float16),
        "n": np.arange(6, dtype=np.int64).reshape(2, 3),
        "mask": np.array([True, False]),
        "z": np.array([1 + 2j, 3], dtype=np.complex64),
        "scalar": np.float64(2.5),
        "empty": np.empty((0, 3), np.float32),
    }


def savetensors(path, values, header=None, pad=0):
    """Writes safetensors by hand, with the header's entries in the given order."""
    offset, entries, body = 0, {}, b""
    for name, value in values.items():
        data = np.asarray(value).tobytes()
        code = {"f4": "F32", "i8": "I64"}[value.dtype.str[1:]]
        entries[name] = {"dtype": code, "shape": list(value.shape), "data_offsets": [offset, offset + len(data)]}
        offset, body = offset + len(data), body + data
    text = json.dumps({**entries, **(header or {})}).encode() + b" " * pad
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def test_safetensors_values(tmp_path):
    values = {name: np.asarray(value) for name, value in arrays().items()}
    safetensors.numpy.save_file(values, tmp_path / "a.safetensors", metadata={"format": "np"})
    content = read_content(tmp_path / "a.safetensors", "a.safetensors")
    assert content.describe() == "safetensors: 7 tensors, 1 value"
    assert content.leaves["__metadata__/format"] == Scalar("str", "np")
    for name, value in values.items():
        np.testing.assert_array_equal(content.leaves[name].array(), value)


def test_safetensors_of_torch(tmp_path):
    torch = pytest.importorskip("torch")
    save = pytest.importorskip("safetensors.torch").save_file
    values = {"bf": torch.tensor([1.0, 2.0], dtype=torch.bfloat16), "f8": torch.ones(3).to(torch.float8_e5m2)}
    save(values, tmp_path / "a.safetensors")
    values["bf"][1] = 2.015625
    save(values, tmp_path / "b.safetensors")
    [found] = compare_files(tmp_path / "a.safetensors", tmp_path / "b.safetensors", "m.safetensors").differences
    assert (found.where, found.index, found.a, found.b, found.max_ulp) == ("bf", (1,), "2.0", "2.015625", 1)


def test_safetensors_order_and_padding_are_not_content(tmp_path):
    a, b = np.arange(4, dtype=np.float32), np.arange(3, dtype=np.int64)
    first = savetensors(tmp_path / "a", {"x": a, "y": b}, {"__metadata__": {"p": "1", "q": "2"}})
    second = savetensors(tmp_path / "b", {"y": b, "x": a}, {"__metadata__": {"q": "2", "p": "1"}}, pad=13)
    assert compare_files(first, second, "model.bin").equal
    assert not compare_files(first, savetensors(tmp_path / "c", {"y": b, "x": -a}), "model.bin").equal


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
        {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [True, 2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], "more": 1},
        [],
    ],
)
def test_safetensors_that_break_the_format(tmp_path, entry):
    for name, last in (("a", b"\0"), ("b", b"\1")):
        text = json.dumps({"x": entry}).encode()
        (tmp_path / name).write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * 7 + last)
    result = compare_files(tmp_path / "a", tmp_path / "b", "x.safetensors")
    assert not result.equal
    assert result.method == "bytes"
    assert result.note.startswith("RPK051")


def test_npz_values_and_compression(tmp_path):
    values = {**arrays(), "fortran": np.asfortranarray(arrays()["w"]), "text": np.array(["ab", "c"])}
    np.savez(tmp_path / "a.npz", **values)
    np.savez_compressed(tmp_path / "b.npz", **values)
    assert compare_files(tmp_path / "a.npz", tmp_path / "b.npz", "x.npz").equal
    for path in ("a.npz", "b.npz"):
        leaves = read_content(tmp_path / path, path).leaves
        for name, value in values.items():
            np.testing.assert_array_equal(leaves[name].array(), value)


def test_npz_dates_are_not_content(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    with zipfile.ZipFile(tmp_path / "a.npz") as old, zipfile.ZipFile(tmp_path / "b.npz", "w") as new:
        new.writestr(zipfile.ZipInfo("x.npy", (1999, 1, 1, 0, 0, 0)), old.read("x.npy"))
    assert compare_files(tmp_path / "a.npz", tmp_path / "b.npz", "x.npz").equal


@pytest.mark.parametrize("writer", [np.savez, np.savez_compressed])
def test_npz_one_element_in_a_large_array(tmp_path, writer):
    value = np.random.default_rng(0).normal(size=(700, 3000))
    writer(tmp_path / "a.npz", x=value)
    value[650, 7] = np.nextafter(value[650, 7], np.inf)
    writer(tmp_path / "b.npz", x=value)
    [found] = compare_files(tmp_path / "a.npz", tmp_path / "b.npz", "x.npz").differences
    assert (found.where, found.index, found.max_ulp) == ("x", (650, 7), 1)


def test_npz_damaged_inside_is_compared_by_bytes(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(100_000))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "b.npz").write_bytes(data)
    result = compare_files(tmp_path / "a.npz", tmp_path / "b.npz", "x.npz")
    assert not result.equal
    assert result.method == "bytes"
    assert "damaged" in result.note


def test_npy_byte_order_is_not_content_and_type_is(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3, dtype="<f4"))
    np.save(tmp_path / "b.npy", np.arange(3, dtype=">f4"))
    np.save(tmp_path / "c.npy", np.arange(3, dtype="<f8"))
    assert compare_files(tmp_path / "a.npy", tmp_path / "b.npy", "x.npy").equal
    result = compare_files(tmp_path / "a.npy", tmp_path / "c.npy", "x.npy")
    assert not result.equal
    assert not result.same_schema


def test_npy_of_objects_is_read_without_unpickling(tmp_path):
    np.save(tmp_path / "a.npy", np.array([1, "a", None], dtype=object), allow_pickle=True)
    np.save(tmp_path / "b.npy", np.array([1, "b", None], dtype=object), allow_pickle=True)
    [found] = compare_files(tmp_path / "a.npy", tmp_path / "b.npy", "x.npy").differences
    assert (found.a, found.b) == ("a", "b")


def test_npy_padding_between_fields_is_not_content(tmp_path):
    dtype = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    np.save(tmp_path / "a.npy", np.zeros(3, dtype))
    data = bytearray((tmp_path / "a.npy").read_bytes())
    data[-47] = 0xFF  # between the first record's "a" and "b"
    (tmp_path / "b.npy").write_bytes(data)
    assert compare_files(tmp_path / "a.npy", tmp_path / "b.npy", "x.npy").equal
    data[-40] = 1
    (tmp_path / "b.npy").write_bytes(data)
    assert not compare_files(tmp_path / "a.npy", tmp_path / "b.npy", "x.npy").equal


def test_npy_several_arrays_in_one_file(tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        np.save(file, np.arange(3))
        np.save(file, np.arange(4.0))
    leaves = read_content(tmp_path / "a.npy", "a.npy").leaves
    assert {name: leaf.dtype for name, leaf in leaves.items() if isinstance(leaf, Tensor)} == {
        "array": "int64",
        "array#1": "float64",
    }


def test_nan_and_infinity_are_measured(tmp_path):
    np.save(tmp_path / "a.npy", np.array([np.nan, np.inf, np.inf, 1.0]))
    np.save(tmp_path / "b.npy", np.array([1.0, np.inf, -np.inf, 1.5]))
    [found] = compare_files(tmp_path / "a.npy", tmp_path / "b.npy", "x.npy").differences
    assert (found.max_abs, found.share) == (np.inf, 0.75)
    assert "1 are NaN on one side only" in found.detail


def test_large_integers_are_measured_exactly(tmp_path):
    np.save(tmp_path / "a.npy", np.array([2**63 - 1, -(2**63)]))
    np.save(tmp_path / "b.npy", np.array([2**63 - 2, 2**63 - 1]))
    [found] = compare_files(tmp_path / "a.npy", tmp_path / "b.npy", "x.npy").differences
    assert found.max_abs == float(2**64 - 1)
    assert found.max_ulp is None
