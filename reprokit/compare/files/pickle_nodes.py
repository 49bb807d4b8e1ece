"""What a pickle says, as inert structure. Nothing here has methods that a pickle could reach, and nothing is hashed.

Some objects are written in several ways, depending on the pickle protocol. `reduced` brings them to one form, since
the protocol is packing and not content.
"""

from __future__ import annotations

import _compat_pickle
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from reprokit.compare.files.content import Leaf
    from reprokit.compare.files.source import Bytes

_MAX_NAME = 1000
_MAX_PARTS = 256
_PATHS = {f"{module}.{kind}" for module in ("pathlib", "pathlib._local") for kind in ("PosixPath", "PurePosixPath")}


@dataclass(slots=True, eq=False)
class Sequence:
    """A list, tuple, set or frozenset."""

    kind: str
    items: list[Any]


@dataclass(slots=True, eq=False)
class Pairs:
    """A dict, as the pairs that were set, in order; keys may be anything."""

    items: list[tuple[Any, Any]]


@dataclass(slots=True, eq=False)
class Global:
    """A class or function, by name; it is never looked up."""

    name: str


@dataclass(slots=True, eq=False)
class Blob:
    """Bytes, as a slice of the mapped file."""

    kind: str
    data: Bytes


@dataclass(slots=True, eq=False)
class Reference:
    """A persistent id: how a checkpoint's pickle points at a storage outside itself."""

    pid: Any


@dataclass(slots=True, eq=False)
class Ready:
    """A leaf that the reader has made already."""

    leaf: Leaf


@dataclass(slots=True, eq=False)
class Object:
    """Something that a call would make: what is called, with what, and what is put into it afterwards."""

    cls: Any
    args: Any
    items: list[Any] = field(default_factory=list)
    pairs: list[tuple[Any, Any]] = field(default_factory=list)
    states: list[Any] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The class or function's name; empty if it is itself made by a call."""
        return self.cls.name if isinstance(self.cls, Global) else ""

    def arguments(self) -> list[Any]:
        """The positional arguments; none if they are not a tuple."""
        return self.args.items if isinstance(self.args, Sequence) else []


def named(module: str, name: str, protocol: int) -> Global:
    """A global under its name of today: Python 2's modules and NumPy 1's private one are renamed."""
    if len(module) + len(name) > _MAX_NAME:
        raise UnreadableError("its pickle names a class with a very long name")
    if protocol < 3:
        # As pickle.Unpickler.find_class does with fix_imports.
        module, name = _compat_pickle.NAME_MAPPING.get((module, name), (module, name))
        module = _compat_pickle.IMPORT_MAPPING.get(module, module)
    if module.startswith("numpy.core."):
        module = "numpy._core." + module.removeprefix("numpy.core.")
    return Global(f"{module}.{name}")


def reduced(function: Any, args: Any) -> Any:  # noqa: PLR0911 - one case for each spelling
    """The node for ``function(*args)``, in the form that newer protocols give to the same object."""
    name = function.name if isinstance(function, Global) else ""
    given = args.items if isinstance(args, Sequence) else []
    match name, given:
        case (("builtins.set" | "builtins.frozenset"), []):
            return Sequence(name.removeprefix("builtins."), [])
        case (("builtins.set" | "builtins.frozenset"), [Sequence(items=items)]):
            return Sequence(name.removeprefix("builtins."), items)
        case (("builtins.bytes" | "builtins.bytearray"), []):
            return Blob(name.removeprefix("builtins."), np.empty(0, np.uint8))
        case "builtins.bytearray", [Blob(data=data)]:
            return Blob("bytearray", data)
        case (("_codecs.encode" | "builtins.bytearray"), [str(text), "latin1" | "latin-1"]):
            return Blob("bytearray" if name.startswith("builtins") else "bytes", _latin1(text))
        case "builtins.complex", [float(real), float(imag)]:
            return complex(real, imag)
        case "copyreg._reconstructor", [cls, Global(name="builtins.object"), None]:
            return Object(cls, Sequence("tuple", []))
        case "copyreg.__newobj__", [cls, *rest]:
            return Object(cls, Sequence("tuple", rest))
        case "copyreg.__newobj_ex__", [cls, rest, kwargs]:
            return with_keywords(cls, rest, kwargs)
    return Object(function, args)


def path_of(node: Object) -> str | None:
    """The text of a path of `pathlib`, which a pickle holds as its parts; None if it is something else."""
    parts = node.arguments()
    plain = node.name in _PATHS and not (node.items or node.pairs or node.states)
    root, rest = ("/", parts[1:]) if parts[:1] == ["/"] else ("", parts)
    if not plain or len(rest) > _MAX_PARTS or not all(_is_name(part) for part in rest):
        return None
    return root + "/".join(rest)


def _is_name(part: Any) -> bool:
    return isinstance(part, str) and 0 < len(part) <= _MAX_NAME and "/" not in part


def with_keywords(cls: Any, args: Any, kwargs: Any) -> Object:
    """The node for ``cls.__new__(cls, *args, **kwargs)``."""
    if isinstance(kwargs, Pairs) and not kwargs.items:
        return Object(cls, args)
    return Object(cls, Sequence("call", [args, kwargs]))


def _latin1(text: str) -> Bytes:
    try:
        return np.frombuffer(text.encode("latin1"), np.uint8)
    except UnicodeEncodeError as error:
        raise UnreadableError("its pickle spells bytes with characters that are not bytes") from error
