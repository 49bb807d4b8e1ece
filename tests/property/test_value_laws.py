"""Laws of values: flattening and digests lose nothing, and every change of one element changes the digest."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from reprokit.compare.files.dtypes import from_texts
from reprokit.compare.values import difference, digest, digests, flatten, held

DTYPES = st.sampled_from(["f2", "f4", "f8", "c8", "c16", "i1", "i4", "i8", "u1", "u8", "?"])
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=5)
ARRAYS = DTYPES.flatmap(lambda dtype: arrays.arrays(dtype, SHAPES))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=5))
VALUES = st.recursive(
    SCALARS | ARRAYS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def of(array) -> str:
    return digest(flatten(array)[""])


def bits(array):
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


@given(VALUES)
def test_equal_values_have_equal_digests_and_no_difference(value):
    leaves = flatten(value)
    assert digests(leaves) == digests(flatten(value)) == digests(held(leaves))
    assert difference(leaves, held(leaves)) is None


@given(VALUES, VALUES)
def test_digests_and_differences_agree(a, b):
    one, two = flatten(a), flatten(b)
    assert (digests(one) == digests(two)) == (difference(one, two) is None)


@given(ARRAYS)
def test_an_array_comes_back_bit_by_bit(array):
    back = flatten(array)[""].array()
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert (bits(back) == bits(array)).all()


@given(ARRAYS, st.data())
def test_any_change_of_one_bit_changes_the_digest(array, data):
    other = np.array(array, order="C")
    raw = other.reshape(-1).view(np.uint8)
    at = data.draw(st.integers(0, raw.size - 1))
    raw[at] ^= 1 if array.dtype.kind == "b" else 1 << data.draw(st.integers(0, 7))
    assert of(array) != of(other)
    assert difference(flatten(array), flatten(other)) is not None


@given(ARRAYS, st.data())
def test_any_permutation_that_moves_a_bit_changes_the_digest(array, data):
    flat = array.reshape(-1)
    order = data.draw(st.permutations(range(flat.size)))
    other = flat[list(order)].reshape(array.shape)
    assert (of(array) == of(other)) == bool((bits(array) == bits(other)).all())


@given(ARRAYS)
def test_another_shape_or_dtype_is_another_digest(array):
    assert of(array) != of(array.reshape(*array.shape, 1))
    if array.dtype.itemsize > 1:
        assert of(array) != of(array.view(f"V{array.dtype.itemsize}") if array.shape else array.reshape(1))
    same_size = {1: ["i1", "u1"], 2: ["f2", "i2"], 4: ["f4", "i4"], 8: ["f8", "c8"], 16: ["c16", "2f8"]}
    for code in same_size[array.dtype.itemsize][:2]:
        other = np.dtype(code)
        if other != array.dtype and other.subdtype is None:
            assert of(array) != of(np.ascontiguousarray(array).view(other).reshape(array.shape))


@given(SHAPES, st.sampled_from(["f2", "f4", "f8", "c8"]), st.data())
def test_the_sign_of_a_zero_and_the_payload_of_a_nan_count(shape, dtype, data):
    zeros = np.zeros(shape, dtype)
    other = zeros.copy()
    at = data.draw(st.integers(0, zeros.size - 1))
    other.reshape(-1)[at] = -0.0 if dtype != "c8" else complex(-0.0, 0.0)
    assert (zeros == other).all()
    assert of(zeros) != of(other)
    nans = np.full(shape, np.nan, "f4")
    payload = nans.copy()
    payload.reshape(-1).view(np.uint32)[data.draw(st.integers(0, nans.size - 1))] ^= 1
    assert np.isnan(payload).all()
    assert of(nans) != of(payload)


@given(st.floats(), st.floats())
def test_numbers_have_equal_digests_when_their_bits_are_equal(a, b):
    same = np.float64(a).tobytes() == np.float64(b).tobytes()
    assert (digests(flatten(a)) == digests(flatten(b))) == same


@given(st.sampled_from(["bfloat16", "float8_e4m3fn", "float8_e5m2", "float16", "float32", "float64", "int8", "bool"]),
       st.lists(st.integers(0, 255), min_size=1, max_size=8))  # fmt: skip
def test_numbers_that_a_baseline_keeps_come_back_exactly(dtype, codes):
    from reprokit.checks.statistics import _texts
    from reprokit.compare.files.dtypes import as_double, storage_dtype

    width = storage_dtype(dtype).itemsize
    values = np.array([codes[i % len(codes)] & (1 if dtype == "bool" else 255) for i in range(width * 4)], np.uint8)
    values = values.view(storage_dtype(dtype))
    assume(not np.isnan(as_double(dtype, values)).any())
    assert (from_texts(dtype, _texts(dtype, values)).view(np.uint8) == values.view(np.uint8)).all()


@given(st.dictionaries(st.integers() | st.text(max_size=3) | st.none() | st.booleans() | st.tuples(st.integers()),
                       st.integers(), max_size=6))  # fmt: skip
def test_every_key_has_a_leaf_of_its_own(value):
    assert len(flatten(value)) == len(value) + 1
