"""Digests of what estimators hold: numbers, arrays, trees, other estimators. Runs no code of the script's.

Only the dictionaries of objects are read, never their properties. An object of another library than those that are
known shows as its type alone.
"""

from __future__ import annotations

import re
import sys
import types
from typing import TYPE_CHECKING, Any

from reprokit.digest import array_header
from reprokit.trace.raw import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.digest import TensorHash

_DEEPEST = 8
_LEAVES = 2048
_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_NAMED = (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_KNOWN = ("sklearn", "scipy", "xgboost", "lightgbm")
_TIMES = re.compile(r"(^|_)(time|times|duration|elapsed|timestamp|seconds)(_|$)")
_SEPARATE = 64  # entries of a dictionary or list that are told apart

Found = list[tuple[Column, bytes]]


def digest_leaves(hasher: TensorHash, root: str, key: str, value: Any) -> Found:
    """The digests of everything below ``value``.

    Args:
        hasher: the recorder's.
        root: the label of the value.
        key: its key; see `Column`.
        value: an estimator's dictionary, an array, a number …

    Returns:
        A column and 16 bytes a leaf; past `_LEAVES` leaves the rest is one.
    """
    walk = _Walk(hasher)
    leaves = list(walk.visit(value, "", 0))
    found = [(Column(f"{key}{path}", f"{root}{path}", dtype, shape), digest) for path, dtype, shape, digest in leaves]
    if len(found) > _LEAVES:
        rest = b"".join(digest for _, digest in found[_LEAVES:])
        one = hasher.digest(hasher.prepare(b"rest|"), rest)
        found = [*found[:_LEAVES], (Column(f"{key}…", f"{root}…", "digests", str(len(rest) // 16)), one)]
    return found


Leaf = tuple[str, str, str, bytes]


class _Walk:
    def __init__(self, hasher: TensorHash) -> None:
        import numpy as np

        self._np = np
        self._hasher = hasher
        self._above: list[int] = []

    def visit(self, value: Any, path: str, depth: int) -> Iterator[Leaf]:
        """Path, dtype, shape and digest of each leaf below ``value``."""
        kind = type(value)
        if kind in _PLAIN or (issubclass(kind, (int, float, str)) and kind.__module__ == "builtins"):
            yield path, kind.__name__, "", self._text(f"{kind.__name__}|{value!r}")
        elif issubclass(kind, self._np.generic):
            yield from self._array(self._np.asarray(value), path, depth)
        elif issubclass(kind, self._np.ndarray):
            yield from self._array(value, path, depth)
        elif id(value) in self._above or depth >= _DEEPEST:
            yield path, kind.__name__, "", self._text("cut|")
        else:
            self._above.append(id(value))
            yield from self._inside(value, kind, path, depth + 1)
            self._above.pop()

    def _inside(self, value: Any, kind: type, path: str, depth: int) -> Iterator[Leaf]:
        if issubclass(kind, dict):
            yield from self._mapping(dict.items(value), path, depth)
        elif issubclass(kind, (list, tuple)):
            base = list if issubclass(kind, list) else tuple
            yield from self._sequence(list(base.__iter__(value)), path, depth)
        elif issubclass(kind, (set, frozenset)):
            texts = sorted(repr(item) for item in value if type(item) in _PLAIN)
            yield path, "set", str(len(value)), self._text("\0".join(texts))
        elif issubclass(kind, _NAMED):
            yield path, "name", "", self._text(f"{value.__module__}.{value.__qualname__}")
        else:
            yield from self._object(value, kind, path, depth)

    def _object(self, value: Any, kind: type, path: str, depth: int) -> Iterator[Leaf]:
        """Estimators of any class by their dictionaries; trees, sparse matrices and data frames by their arrays."""
        root = kind.__module__.partition(".")[0]
        frame = sys.modules.get("pandas")
        if hasattr(kind, "tocsr") and root == "scipy":
            yield from self._sparse(value, path, depth)
        elif frame is not None and issubclass(kind, (frame.DataFrame, frame.Series, frame.Index)):
            yield from self._frame(value, path, depth)
        elif kind.__name__ in ("RandomState", "Generator") and root == "numpy":
            state = value.get_state(legacy=False) if kind.__name__ == "RandomState" else value.bit_generator.state
            yield from self._mapping(state.items(), path, depth)
        elif kind.__name__ == "Booster" and root in ("xgboost", "lightgbm"):
            yield path, "model", "", self._text(booster_text(value, root))
        elif self._is_estimator(kind) or (root in _KNOWN and getattr(value, "__dict__", None)):
            yield f"{path}:class", "name", "", self._text(f"{kind.__module__}.{kind.__qualname__}")
            yield from self._mapping(vars(value).items(), path, depth, attributes=True)
        elif root == "sklearn" and "__getstate__" in kind.__dict__:
            yield path, kind.__name__, "", self._joined(value.__getstate__(), depth)
        else:
            yield path, "type", "", self._text(f"{kind.__module__}.{kind.__qualname__}")

    @staticmethod
    def _is_estimator(kind: type) -> bool:
        base = sys.modules.get("sklearn.base")
        return base is not None and issubclass(kind, base.BaseEstimator)

    def _mapping(self, items: Any, path: str, depth: int, *, attributes: bool = False) -> Iterator[Leaf]:
        entries = [(str(key) if type(key) in _PLAIN else type(key).__name__, item) for key, item in items]
        entries = [(key, item) for key, item in entries if not is_circumstance(key, item)]
        if not attributes and len(entries) > _SEPARATE:
            flat = [part for entry in sorted(entries, key=_key) for part in entry]
            yield path, "dict", str(len(entries)), self._joined(flat, depth)
            return
        for key, item in sorted(entries, key=_key):
            yield from self.visit(item, f"{path}.{key}" if attributes else f"{path}[{key}]", depth)

    def _sequence(self, items: list[Any], path: str, depth: int) -> Iterator[Leaf]:
        plain = all(type(item) in _PLAIN for item in items)
        if plain or len(items) > _SEPARATE * 16:
            joined = self._text("\0".join(map(repr, items))) if plain else self._joined(items, depth)
            yield path, "list", str(len(items)), joined
            return
        for index, item in enumerate(items):
            yield from self.visit(item, f"{path}[{index}]", depth)

    def _array(self, array: Any, path: str, depth: int) -> Iterator[Leaf]:
        shape = ",".join(map(str, array.shape))
        if self._np.ma.isMaskedArray(array):
            mask = self._np.ma.getmaskarray(array)
            plain = array.filled(0 if array.dtype.kind in "biuf" else None)
            yield from self._array(self._np.asarray(plain), path, depth)
            yield from self._array(mask, f"{path}:mask", depth)
        elif array.dtype.kind == "O":
            yield path, "object", shape, self._joined(array.reshape(-1).tolist(), depth)
        elif array.dtype.names:
            # The bytes between two fields are whatever was there before: they differ between equal runs.
            fields = b"".join(self._bytes(array[name]) for name in array.dtype.names)
            seed = self._hasher.prepare(array_header("record", array.shape))
            yield path, "record", shape, self._hasher.digest(seed, fields)
        elif array.dtype.kind == "T":
            yield path, "str", shape, self._joined(array.reshape(-1).tolist(), depth)
        else:
            yield path, str(array.dtype), shape, self._bytes(array)

    def _bytes(self, array: Any) -> bytes:
        plain = self._np.ascontiguousarray(array)
        seed = self._hasher.prepare(array_header(str(plain.dtype), plain.shape))
        return self._hasher.digest(seed, plain.reshape(-1).view(self._np.uint8) if plain.nbytes else b"")

    def _sparse(self, value: Any, path: str, depth: int) -> Iterator[Leaf]:
        names = ("data", "indices", "indptr", "row", "col", "offsets")
        parts = [vars(value).get(name) for name in names]
        shape = ",".join(map(str, value.shape))
        yield path, f"sparse {value.dtype}", shape, self._joined([p for p in parts if p is not None], depth)

    def _frame(self, value: Any, path: str, depth: int) -> Iterator[Leaf]:
        columns = [value[name] for name in value.columns] if hasattr(value, "columns") else [value]
        names = [str(name) for name in value.columns] if hasattr(value, "columns") else []
        arrays = [column.to_numpy() for column in columns]
        yield path, type(value).__name__, ",".join(map(str, value.shape)), self._joined([names, *arrays], depth)

    def _joined(self, value: Any, depth: int) -> bytes:
        """One digest of everything below a value."""
        parts = [f"{p}|{d}|{s}|".encode() + digest for p, d, s, digest in self.visit(value, "", depth)]
        return self._hasher.digest(self._hasher.prepare(b"joined|"), b"".join(parts))

    def _text(self, text: str) -> bytes:
        return self._hasher.digest(self._hasher.prepare(b"text|"), text.encode("utf-8", "surrogatepass"))


def booster_text(booster: Any, root: str) -> str:
    """All trees of a booster of XGBoost or LightGBM, without what it was told besides (paths, verbosity)."""
    if root == "xgboost":
        return bytes(booster.save_raw("json")).decode()
    return str(booster.model_to_string()).partition("end of trees")[0]


def _key(entry: tuple[str, Any]) -> str:
    return entry[0]


def is_circumstance(name: str, value: Any) -> bool:
    """Whether something is no result but a circumstance of the run, by its name: how long it took, where it lay.

    Searches keep arrays of times; other estimators keep single ones. Private integers may be addresses: the vectorizers
    keep ``id()`` of their stop words.
    """
    if name.endswith(("_time", "_time_")) and name.startswith(("mean_", "std_", "refit_")):
        return True
    single = type(value) in (int, float)
    return single and (bool(_TIMES.search(name)) or (name.startswith("_") and type(value) is int))
