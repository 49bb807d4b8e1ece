"""NumPy's values: arrays, scalars, masked arrays, generators."""

from __future__ import annotations

from typing import Any

import numpy as np

from reprokit.compare.files.content import Scalar
from reprokit.compare.values.arrays import array_leaf, bits_leaf
from reprokit.compare.values.node import Branch, Node, Same, mapping_branch


def read(value: Any) -> Node | None:
    """The node for one of NumPy's values, or None if it is none."""
    if isinstance(value, np.ma.MaskedArray):
        return Branch("masked array", [("data", value.filled()), ("mask", np.ma.getmaskarray(value))])
    if isinstance(value, (np.str_, np.bytes_)):
        return Same(value.item())
    if isinstance(value, (np.ndarray, np.generic)):
        return array_node(np.asarray(value))
    if isinstance(value, np.dtype):
        return Scalar("numpy.dtype", str(value))
    return _generator(value)


def _generator(value: Any) -> Node | None:
    if isinstance(value, np.random.Generator):
        return mapping_branch("numpy generator", value.bit_generator.state)
    if isinstance(value, np.random.RandomState):
        return mapping_branch("numpy generator", value.get_state(legacy=False))
    if isinstance(value, (np.random.BitGenerator, np.random.SeedSequence)):
        return mapping_branch("numpy generator", value.state)
    return None


def array_node(array: np.ndarray[Any, Any]) -> Node:
    """The node for a plain array: a leaf, or the elements one by one where they are Python objects."""
    dtype = array.dtype
    if dtype.kind == "T":  # numpy.dtypes.StringDType: variable length, no bytes of its own
        array, dtype = array.astype(object), np.dtype(object)
    if dtype.kind == "O":
        items = [(str(number), item) for number, item in enumerate(array.reshape(-1).tolist())]
        return Branch(f"object array {list(array.shape)}", items)
    if type(dtype).__module__.startswith("ml_dtypes") or dtype.type.__module__.startswith("ml_dtypes"):
        return _foreign(array)
    return array_leaf(array)


def _foreign(array: np.ndarray[Any, Any]) -> Node:
    """Arrays of the types that JAX and TensorFlow add to NumPy: https://github.com/jax-ml/ml_dtypes."""
    raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    name = array.dtype.name
    known = name in {"bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"}
    if known:
        return bits_leaf(raw, name, array.shape)
    return Branch(f"array of {name}", [("bits", array_leaf(raw.reshape(*array.shape, -1)))])
