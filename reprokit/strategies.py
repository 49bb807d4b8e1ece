"""Strategies for Hypothesis: arrays, tensors, batches and seeds with the edge cases that break numerics.

Every array may hold NaN, both zeros, infinities, subnormals and the largest numbers; may be empty or 0-dimensional; and
may lie in memory transposed, strided or reversed. Hypothesis is imported when a strategy is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["arrays_with_edges", "batches", "seeds", "tensors"]

_SEEDS = (0, 1, 42, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1)
_FLOATS = {"float16": 16, "float32": 32, "float64": 64}
_DTYPES = ("float32", "float64", "float16", "int64", "int32", "uint8", "bool")


def _hypothesis() -> Any:
    try:
        import hypothesis.extra.numpy
        import hypothesis.strategies
    except ImportError as error:
        raise UsageError("RPK084", f"reprokit.strategies needs Hypothesis: {error}") from None
    return hypothesis


def seeds() -> SearchStrategy[int]:
    """Seeds from 0 to 2**64 - 1; often those at which a library's type ends: 2**32 - 1 and the like.

    Raises:
        UsageError: RPK084, Hypothesis is not installed.

    >>> from hypothesis import find
    >>> find(seeds(), lambda seed: seed > 2**32 - 1)
    4294967296
    """
    st = _hypothesis().strategies
    strategy: SearchStrategy[int] = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from(_SEEDS))
    return strategy


def arrays_with_edges(
    dtype: str | Sequence[str] = "float32",
    shape: tuple[int, ...] | None = None,
    *,
    max_dims: int = 3,
    max_side: int = 4,
    finite: bool = False,
) -> SearchStrategy[np.ndarray[Any, Any]]:
    """NumPy arrays with edge cases in their values, their shape and their layout in memory.

    Args:
        dtype: the element type's name, or several to choose from.
        shape: one shape; by default any, empty and 0-dimensional ones among them.
        max_dims: the most axes.
        max_side: the greatest length of an axis.
        finite: no NaN and no infinities.

    Raises:
        UsageError: RPK084, Hypothesis is not installed; RPK001, a type is none of the known ones.

    >>> import numpy as np
    >>> from hypothesis import find
    >>> find(arrays_with_edges("float64", (2,)), lambda array: np.isnan(array).any())
    array([ 0., nan])
    """
    hypothesis = _hypothesis()
    st = hypothesis.strategies
    names = _names(dtype, _DTYPES)

    @st.composite  # type: ignore[untyped-decorator]
    def draw_array(draw: DrawFn) -> np.ndarray[Any, Any]:
        import numpy as np

        kind = np.dtype(draw(st.sampled_from(names)))
        wanted = shape if shape is not None else draw(_shapes(hypothesis, max_dims, max_side))
        elements = _elements(hypothesis, kind, finite=finite)
        array = draw(hypothesis.extra.numpy.arrays(kind, wanted, elements=elements, fill=st.nothing()))
        return _laid_out(array, draw(st.sampled_from(_LAYOUTS)))

    strategy: SearchStrategy[np.ndarray[Any, Any]] = draw_array()
    return strategy


def tensors(
    dtype: str | Sequence[str] = "float32",
    shape: tuple[int, ...] | None = None,
    *,
    max_dims: int = 3,
    max_side: int = 4,
    finite: bool = False,
    requires_grad: bool = False,
) -> SearchStrategy[Any]:
    """PyTorch tensors on the CPU with edge cases in their values, their shape and their strides.

    Args:
        dtype: the element type's name, or several to choose from; ``bfloat16`` too.
        shape: one shape; by default any, empty and 0-dimensional ones among them.
        max_dims: the most axes.
        max_side: the greatest length of an axis.
        finite: no NaN and no infinities.
        requires_grad: the tensors are leaves that gradients are computed for.

    Raises:
        UsageError: RPK084, Hypothesis or PyTorch is not installed; RPK001, a type is none of the known ones.

    >>> from hypothesis import find
    >>> tensor = find(tensors(), lambda tensor: not tensor.is_contiguous())
    """
    hypothesis = _hypothesis()
    st = hypothesis.strategies
    try:
        import torch
    except ImportError as error:
        raise UsageError("RPK084", f"reprokit.strategies.tensors needs PyTorch: {error}", "Install torch.") from None
    names = _names(dtype, (*_DTYPES, "bfloat16"))

    @st.composite  # type: ignore[untyped-decorator]
    def draw_tensor(draw: DrawFn) -> Any:
        name = draw(st.sampled_from(names))
        base = "float32" if name == "bfloat16" else name
        array = draw(arrays_with_edges(base, shape, max_dims=max_dims, max_side=max_side, finite=finite))
        tensor = _as_tensor(torch, array, getattr(torch, name))
        return tensor.requires_grad_(requires_grad and tensor.is_floating_point())

    strategy: SearchStrategy[Any] = draw_tensor()
    return strategy


def batches(
    features: tuple[int, ...] = (4,), *, classes: int = 3, max_size: int = 5, dtype: str = "float32"
) -> SearchStrategy[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Batches of inputs and labels: of one row, of none, of rows that repeat, with edge cases in the values.

    Args:
        features: the shape of one row.
        classes: labels go from 0 to ``classes - 1``.
        max_size: the most rows.
        dtype: the inputs' element type.

    Returns:
        Pairs of inputs, of the features' shape behind an axis of rows, and labels, int64 of shape (rows,).

    Raises:
        UsageError: RPK084, Hypothesis is not installed; RPK001, the type is none of the known ones.

    >>> from hypothesis import find
    >>> inputs, labels = find(batches((2,)), lambda batch: len(batch[0]) == 2)
    >>> inputs.shape, labels.dtype
    ((2, 2), dtype('int64'))
    """
    st = _hypothesis().strategies
    _names(dtype, _DTYPES)

    @st.composite  # type: ignore[untyped-decorator]
    def draw_batch(draw: DrawFn) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        import numpy as np

        rows = draw(st.integers(0, max_size))
        inputs = draw(arrays_with_edges(dtype, (rows, *features)))
        labels = np.array(draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows)), dtype=np.int64)
        if rows > 1 and draw(st.booleans()):
            inputs[-1], labels[-1] = inputs[0], labels[0]
        return inputs, labels

    strategy: SearchStrategy[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] = draw_batch()
    return strategy


def _names(dtype: str | Sequence[str], known: Sequence[str]) -> list[str]:
    names = [dtype] if isinstance(dtype, str) else list(dtype)
    for name in names:
        if name not in known:
            raise UsageError("RPK001", f"dtype {name!r} is none of {', '.join(known)}")
    return names


def _shapes(hypothesis: Any, max_dims: int, max_side: int) -> Any:
    return hypothesis.extra.numpy.array_shapes(min_dims=0, max_dims=max_dims, min_side=0, max_side=max_side)


def _elements(hypothesis: Any, kind: np.dtype[Any], *, finite: bool) -> Any:
    """Values of one type; every second one is an edge case."""
    import numpy as np

    st = hypothesis.strategies
    if kind.name not in _FLOATS:
        return hypothesis.extra.numpy.from_dtype(kind)
    limits = np.finfo(kind)
    edges = [0.0, -0.0, 1.0, -1.0, float(limits.max), float(limits.min), float(limits.tiny), 1 + float(limits.eps)]
    edges += [float(limits.smallest_subnormal), -float(limits.smallest_subnormal)]
    edges += [] if finite else [float("nan"), float("inf"), float("-inf")]
    usual = st.floats(width=_FLOATS[kind.name], allow_nan=not finite, allow_infinity=not finite)
    return st.one_of(usual, st.sampled_from(edges))


def _strided(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same elements, two apart in memory along the last axis."""
    import numpy as np

    if not array.ndim:
        return array
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), dtype=array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def _reversed(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return array[::-1].copy()[::-1] if array.ndim else array


_LAYOUTS = ("c", "fortran", "strided", "reversed")


def _laid_out(array: np.ndarray[Any, Any], layout: str) -> np.ndarray[Any, Any]:
    import numpy as np

    lay: dict[str, Callable[[], np.ndarray[Any, Any]]] = {
        "c": lambda: array,
        "fortran": lambda: np.asfortranarray(array),
        "strided": lambda: _strided(array),
        "reversed": lambda: _reversed(array),
    }
    return lay[layout]()


def _as_tensor(torch: Any, array: np.ndarray[Any, Any], kind: Any) -> Any:
    """A tensor with the array's strides; PyTorch has no negative ones, so those become contiguous."""
    tensor = torch.from_numpy(array.copy() if any(stride < 0 for stride in array.strides) else array)
    if tensor.dtype is kind:
        return tensor
    converted = torch.empty_strided(tensor.shape, tensor.stride(), dtype=kind)
    return converted.copy_(tensor)
