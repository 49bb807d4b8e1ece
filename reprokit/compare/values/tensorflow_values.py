"""TensorFlow's values that NumPy cannot read: texts, ragged and sparse tensors, generators, modules."""

from __future__ import annotations

import sys
from typing import Any

from reprokit.compare.values.node import Branch, Node, Same, unreadable


def read(value: Any) -> Node | None:  # noqa: PLR0911 - one case for each kind
    """The node for one of TensorFlow's values, or None for what `numpy.asarray` reads."""
    tf = sys.modules["tensorflow"]
    if not hasattr(tf, "Tensor"):
        return None
    if isinstance(value, tf.RaggedTensor):
        return Branch("ragged tensor", [("values", value.flat_values), ("rows", list(value.nested_row_splits))])
    if isinstance(value, tf.SparseTensor):
        parts = [("indices", value.indices), ("values", value.values), ("shape", value.dense_shape)]
        return Branch("sparse tensor", parts)
    if isinstance(value, tf.IndexedSlices):
        return Branch("slices", [("indices", value.indices), ("values", value.values)])
    if isinstance(value, tf.random.Generator):
        return Branch("tensorflow generator", [("algorithm", int(value.algorithm)), ("state", value.state)])
    if isinstance(value, tf.TensorShape):
        return Same(None if value.rank is None else tuple(value.as_list()))
    if isinstance(value, tf.DType):
        return Same(f"tf.{value.name}")
    if isinstance(value, tf.Variable):
        return Same(tf.convert_to_tensor(value))
    if isinstance(value, tf.Tensor) and value.dtype == tf.string:
        return _texts(value)
    return None


def _texts(value: Any) -> Branch:
    if not hasattr(value, "numpy"):
        raise unreadable("a symbolic tensor of texts", "it has no elements yet")
    items = value.numpy()
    flat = [items] if not value.shape.rank else list(items.ravel())
    return Branch(f"texts {value.shape.as_list()}", [(str(number), bytes(item)) for number, item in enumerate(flat)])
