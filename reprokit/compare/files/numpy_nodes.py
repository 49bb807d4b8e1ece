"""NumPy's objects inside a pickle: arrays, scalars and element types, recognised by the calls that would make them."""

from __future__ import annotations

from typing import Any

import numpy as np

from reprokit.compare.files.arrays import checked_size, dense, native
from reprokit.compare.files.content import Leaf, Scalar
from reprokit.compare.files.dtypes import dtype_name, element_text, numpy_dtype
from reprokit.compare.files.pickle_nodes import Blob, Global, Object, Pairs, Sequence
from reprokit.compare.files.unreadable import UnreadableError

Children = list[tuple[str, Any]]

_MAX_NESTED = 8
_MAX_ITEM = 1 << 30


def interpret(node: Object) -> Leaf | Children | None:
    """The leaf for an array, a scalar or an element type; children where it must be read further; None for the rest.

    Raises:
        UnreadableError: an array's shape and data do not agree.
    """
    match node.name, node.arguments(), node.states:
        case "numpy._core.multiarray._reconstruct", [Global(name="numpy.ndarray"), *_], [Sequence(items=state)]:
            return _array(state)
        case "numpy._core.numeric._frombuffer", [Blob() as data, Object() as dtype, shape, str(order)], []:
            return _dense(data, dtype, shape, fortran=order == "F")
        case "numpy._core.multiarray.scalar", [Object() as dtype, Blob(data=data)], []:
            return _scalar(dtype, data)
        case "numpy.dtype", _, _:
            found = dtype_of(node)
            return Scalar("numpy.dtype", dtype_name(found)) if found is not None else None
    return None


def _array(state: list[Any]) -> Leaf | Children | None:
    """An array's state: version, shape, element type, Fortran order, data (`ndarray.__reduce__`)."""
    match state:
        case [int(), shape, Object() as dtype, fortran, Blob() as data]:
            return _dense(data, dtype, shape, fortran=bool(fortran))
        case [int(), Sequence(items=shape), Object(), _, Sequence(kind="list") as items]:
            # An array of objects: its elements are nodes like any other, in C order.
            return [("<shape>", Sequence("tuple", shape)), ("<elements>", items)]
    return None


def _dense(data: Blob, dtype: Object, shape: Any, *, fortran: bool) -> Leaf | None:
    found = dtype_of(dtype)
    if found is None or not isinstance(shape, Sequence):
        return None
    return dense(data.data, found, tuple(shape.items), fortran=fortran)


def _scalar(dtype: Object, data: Any) -> Leaf | None:
    found = dtype_of(dtype)
    if found is None:
        return None
    if data.size != found.itemsize:
        raise UnreadableError("a NumPy scalar in its pickle has the wrong length")
    name = dtype_name(found)
    value = native(data.view(found))
    text = element_text(name, value)
    if "nan" in text:  # two NaNs are equal only if their bits are
        text += f"(0x{value.tobytes().hex()})"
    return Scalar(f"numpy.{name}", text)


def dtype_of(node: Any, depth: int = 0) -> np.dtype[Any] | None:  # noqa: PLR0911 - one case for each form
    """The element type that a ``numpy.dtype(code, False, True)`` with its state stands for.

    Returns:
        None for types of Python objects and for what is not a valid type; they are read as structure.
    """
    if not isinstance(node, Object) or node.name != "numpy.dtype" or not node.arguments() or depth > _MAX_NESTED:
        return None
    code = node.arguments()[0]
    state = node.states[0].items if node.states and isinstance(node.states[0], Sequence) else []
    if not isinstance(code, str):
        return None
    try:
        match state:
            case [int(), _, None, Sequence(items=names), Pairs(items=fields), int(size), *_]:
                return _record(names, fields, size, depth)
            case [int(), _, Sequence(items=[base, shape]), None, None, *_]:
                inner = dtype_of(base, depth + 1)
                axes = tuple(shape.items) if isinstance(shape, Sequence) else (shape,)
                return np.dtype((inner, axes)) if inner is not None and checked_size(axes, 1) < _MAX_ITEM else None
            case [int(), _, None, None, None, *_] | []:
                code += _unit(state[8]) if code in {"M8", "m8"} and len(state) == 9 else ""
                found = numpy_dtype(code)
                return found.newbyteorder(state[1]) if state and state[1] in {"<", ">"} else found
    except (UnreadableError, TypeError, ValueError, OverflowError):
        return None
    return None


def _record(names: list[Any], fields: list[tuple[Any, Any]], size: int, depth: int) -> np.dtype[Any] | None:
    """A type with named fields, each given as ``name: (type, offset)``."""
    places = {key: value.items for key, value in fields if isinstance(key, str) and isinstance(value, Sequence)}
    types = [dtype_of(places[name][0], depth + 1) for name in names if name in places]
    if len(types) != len(names) or any(kind is None for kind in types):
        return None
    offsets = [places[name][1] for name in names]
    form: Any = {"names": names, "formats": types, "offsets": offsets, "itemsize": size}
    found: np.dtype[Any] = np.dtype(form)
    return found


def _unit(metadata: Any) -> str:
    """The unit of a datetime64 or timedelta64, from the ninth entry of its state: ``({}, (b'ns', 1, 1, 1))``."""
    match metadata:
        case Sequence(items=[_, Sequence(items=[Blob(data=unit), int(count), *_])]):
            return f"[{count if count != 1 else ''}{unit.tobytes().decode('latin1')}]"
        case Sequence(items=[_, Sequence(items=[str(unit), int(count), *_])]):
            return f"[{count if count != 1 else ''}{unit}]"
    return ""


def wrapped(node: Object) -> dict[str, Any] | None:
    """The attributes of joblib's announcement that an array's bytes follow; None for another object."""
    if node.name != "joblib.numpy_pickle.NumpyArrayWrapper" or not isinstance(node.states[-1], Pairs):
        return None
    return {key: value for key, value in node.states[-1].items if isinstance(key, str)}
