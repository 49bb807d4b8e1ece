"""Any value as named leaves: the entry, the containers and the values of the standard library."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import random
import sys
import types
import uuid
from collections import deque
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.compare.files.comparison import read_content
from reprokit.compare.files.content import Leaf, Paths, Records, Scalar, Structure, Tensor, key_part, scalar_of
from reprokit.compare.files.unreadable import UnreadableError
from reprokit.compare.values.digests import digest
from reprokit.compare.values.node import Branch, Node, Same, UnknownValueError, mapping_branch, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

# A value's class has a base from one of these modules: the module is loaded, and its reader is asked.
_LIBRARIES = {
    "numpy": "numpy_values:read",
    "torch": "torch_values:read",
    "pandas": "table_values:read_pandas",
    "polars": "table_values:read_polars",
    "keras": "keras_values:read",
    "tensorflow": "tensorflow_values:read",
    "jax": "jax_values:read",
    "jaxlib": "jax_values:read",
}
_BY_TEXT = (
    dt.date, dt.time, dt.timedelta, dt.timezone, decimal.Decimal, fractions.Fraction, uuid.UUID,
    range, types.EllipsisType,
)  # fmt: skip
_DEEPEST = 200
_LONG = 8
_NO_VALUE = (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType)


def flatten(value: object, name: str = "") -> dict[str, Leaf]:
    """Names the leaves of a value: tensors, numbers and texts, and the structures that hold them.

    Understood are: None, bool, int, float, complex, str, bytes, enumerations, dates and other plain values of the
    standard library; dictionaries, lists, tuples, named tuples, data classes, sets (in a canonical order); NumPy's and
    PyTorch's arrays, scalars and generators, and those of TensorFlow and JAX; `random.Random`; Keras's models and
    optimizers; modules, optimizers, schedulers and whatever else has a ``state_dict()``; data frames of pandas and
    polars; a `pathlib.Path` to a file or a directory, by its content; anything with ``__array__``.

    Arrays are not copied. They are read when their leaf is, so take digests, or `held`, before the value changes.

    Args:
        value: the value.
        name: the path of its root; empty for none.

    Returns:
        Path to leaf. The order of a mapping's keys is not content, nor are a tensor's device, strides and byte order.

    Raises:
        UnknownValueError: RPK070, it holds an object without comparable content; RPK071, the content cannot be read.

    >>> sorted(flatten({"loss": 0.5, "sizes": (2, 3)}))
    ['', 'loss', 'sizes', 'sizes/0', 'sizes/1']
    """
    walk = _Walk()
    try:
        walk.visit(name, value)
    except UnreadableError as error:
        raise UnknownValueError("RPK071", f"{_quoted(name)} cannot be compared: {error.message}") from error
    return walk.leaves


class _Walk:
    """One walk through a value."""

    def __init__(self) -> None:
        self.leaves: dict[str, Leaf] = {}
        self._paths = Paths()
        self._above: list[int] = []

    def visit(self, path: str, value: object) -> None:
        """Adds the leaves of ``value`` under ``path``."""
        if id(value) in self._above or len(self._above) > _DEEPEST:
            raise unreadable(_quoted(path), "it contains itself" if id(value) in self._above else "it is too deep")
        self._above.append(id(value))
        node = _node(value, path)
        if isinstance(node, Same):
            self.visit(path, node.value)
        elif isinstance(node, Branch):
            self._add(path, Structure(node.text))
            for part, child in node.children:
                self.visit(self._paths.join(path, part), child)
        else:
            self._add(path, node)
        self._above.pop()

    def _add(self, path: str, leaf: Leaf) -> None:
        if path in self.leaves:
            raise unreadable(_quoted(path), "two of its parts have this one name")
        self.leaves[path] = leaf


def _node(value: Any, path: str) -> Node:
    """What stands at ``path``: asks the readers, the most particular first."""
    if isinstance(value, (Tensor, Scalar, Structure, Records, Branch)):
        return value
    if value is None or type(value) in {bool, int, float, complex, str}:
        return scalar_of(value)
    for reader in (_from_library, _plain, _pytree, _container, _stateful, _by_protocol):
        node = reader(value)
        if node is not None:
            return node
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise UnknownValueError("RPK070", f"{_quoted(path)} is of type {kind}, which has no comparable content")


def _from_library(value: Any) -> Node | None:
    for root in dict.fromkeys(base.__module__.partition(".")[0] for base in type(value).__mro__):
        if root in _LIBRARIES and root.removesuffix("lib") in sys.modules:
            module, _, function = _LIBRARIES[root].partition(":")
            read: Callable[[Any], Node | None] = getattr(import_module(f"{__package__}.{module}"), function)
            if (node := read(value)) is not None:
                return node
    return None


def _plain(value: Any) -> Node | None:
    if isinstance(value, Path):
        return _file(value)
    if isinstance(value, slice):
        return Branch("slice", [("start", value.start), ("stop", value.stop), ("step", value.step)])
    if isinstance(value, random.Random) and not isinstance(value, random.SystemRandom):
        version, words, gauss = value.getstate()
        return Branch("random generator", [("version", version), ("words", words), ("gauss", gauss)])
    return _scalar(value)


def _scalar(value: Any) -> Scalar | None:
    name = type(value).__name__
    if isinstance(value, enum.Enum):
        return Scalar(f"enum {type(value).__qualname__}", value.name or str(value.value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return Scalar(name, bytes(value).hex())
    if isinstance(value, str):  # a class derived from str may print itself in another way
        return Scalar(name, str.__str__(value))
    if isinstance(value, (bool, int, float, complex)):
        return scalar_of(value)
    return Scalar(name, repr(value)) if isinstance(value, _BY_TEXT) else None


def _pytree(value: Any) -> Node | None:
    """Classes that JAX was told of, by their children."""
    if "jax" not in sys.modules:
        return None
    from reprokit.compare.values.jax_values import read_pytree

    return read_pytree(value)


def _container(value: Any) -> Node | None:
    name = type(value).__qualname__
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [(key_part(field.name), getattr(value, field.name)) for field in dataclasses.fields(value)]
        return Branch(f"dataclass {name}", fields)
    if isinstance(value, Mapping):
        return mapping_branch("dict", value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return Branch(f"namedtuple {name}", list(zip(map(key_part, value._fields), value, strict=True)))
    if isinstance(value, (list, tuple, deque)):
        kind = next(base.__name__ for base in (list, tuple, deque) if isinstance(value, base))
        return _sequence(kind, value)
    if isinstance(value, AbstractSet):
        items = sorted(value, key=lambda item: [(path, digest(leaf)) for path, leaf in flatten(item).items()])
        return Branch(f"set of {len(items)}", [(str(number), item) for number, item in enumerate(items)])
    return None


def _sequence(kind: str, value: Any) -> Branch:
    """The items one by one; a long sequence of plain numbers as one array, so that it stays one leaf."""
    types_found = set(map(type, value))
    if len(value) >= _LONG and len(types_found) == 1 and types_found <= {bool, int, float}:
        import numpy as np

        from reprokit.compare.values.arrays import array_leaf

        numbers = np.array(value, dtype={bool: np.bool_, int: None, float: np.float64}[types_found.pop()])
        if numbers.dtype.kind in "bif":  # integers beyond 64 bits stay single values
            return Branch(f"{kind} of {len(value)} numbers", [("numbers", array_leaf(numbers))])
    return Branch(f"{kind} of {len(value)}", [(str(number), item) for number, item in enumerate(value)])


def _stateful(value: Any) -> Node | None:
    if isinstance(value, _NO_VALUE) or not callable(getattr(value, "state_dict", None)):
        return None
    state, kind = value.state_dict(), f"state of {type(value).__qualname__}"
    return mapping_branch(kind, state) if isinstance(state, Mapping) else Branch(kind, [("state", state)])


def _by_protocol(value: Any) -> Node | None:
    """JAX's, TensorFlow's, CuPy's and other arrays: whatever NumPy can read without guessing."""
    if isinstance(value, type) or not hasattr(value, "__array__"):
        return None
    import numpy as np

    from reprokit.compare.values.numpy_values import array_node

    try:
        array = np.asarray(value)
    except Exception as error:
        raise unreadable(f"a {type(value).__qualname__}", f"its __array__ failed: {error}") from error
    if array.dtype == object:
        return None
    return array_node(array)


def _file(path: Path) -> Branch:
    """A file's canonical content, or that of all files below a directory."""
    if path.is_dir():
        inside = sorted(found for found in path.rglob("*") if found.is_file())
        return Branch(f"directory of {len(inside)}", [(key_part(str(f.relative_to(path))), f) for f in inside])
    if not path.is_file():
        raise unreadable(f"the file {path}", "there is none", "Check the path; a text that is no path is given as str.")
    content = read_content(path, path.name)
    return Branch(f"{content.kind} file", [(part or "<root>", leaf) for part, leaf in content.leaves.items()])


def _quoted(path: str) -> str:
    return repr(path) if path else "the value"
