"""Element types: decoded as PyTorch decodes them, and measured in units in the last place."""

from __future__ import annotations

import numpy as np
import pytest

from reprokit.compare.files.dtypes import (
    as_double,
    dtype_name,
    element_text,
    largest_step,
    numpy_dtype,
    storage_dtype,
)
from reprokit.compare.files.unreadable import UnreadableError


@pytest.mark.parametrize(
    "name", ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]
)
def test_all_codes_of_eight_bit_floats(name):
    torch = pytest.importorskip("torch")
    codes = np.arange(256, dtype=np.uint8)
    expected = torch.from_numpy(codes).view(getattr(torch, name)).to(torch.float32).numpy()
    np.testing.assert_array_equal(as_double(name, codes).astype(np.float32), expected)


def test_bfloat16():
    torch = pytest.importorskip("torch")
    codes = np.arange(1 << 16, dtype=np.uint16)
    expected = torch.from_numpy(codes.view(np.int16)).view(torch.bfloat16).double().numpy()
    np.testing.assert_array_equal(as_double("bfloat16", codes), expected)


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_neighbours_are_one_step_apart(name):
    kind = np.dtype(name).type
    for value in (0.0, 1.0, -1.0, 1e-4, float(np.finfo(kind).max) / 2):
        here = np.array([value], name)
        assert largest_step(name, here, np.nextafter(here, kind(np.inf))) == 1


@pytest.mark.parametrize(
    ("a", "b", "steps"), [(0.0, -0.0, 0), (5e-324, -5e-324, 2), (-np.inf, np.inf, 2 * 0x7FF0000000000000)]
)
def test_steps_across_zero(a, b, steps):
    assert largest_step("float64", np.array([a]), np.array([b])) == steps


def test_names():
    assert dtype_name(np.dtype(">f4")) == "float32"
    assert dtype_name(np.dtype("<M8[ns]")) == "M8[ns]"
    assert storage_dtype("bfloat16") == np.uint16


@pytest.mark.parametrize("code", ["O", "f4,f4", "(1000000,1000000)f8", "__import__('os')", "V99999999999", "|O8"])
def test_type_codes_that_are_refused(code):
    with pytest.raises(UnreadableError):
        numpy_dtype(code)


def test_elements_as_text():
    assert element_text("float32", np.array([0.1], np.float32)) == "0.1"
    assert element_text("bfloat16", np.array([0x3F80], np.uint16)) == "1.0"
    assert element_text("complex64", np.array([1 - 2j], np.complex64)) == "(1-2j)"
