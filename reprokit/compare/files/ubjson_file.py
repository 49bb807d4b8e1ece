"""Universal Binary JSON, in which XGBoost keeps models: values by path, typed arrays as arrays.

Format: https://ubjson.org (draft 12), with typed containers of a given count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reprokit.compare.files.arrays import dense
from reprokit.compare.files.content import Leaf, Paths, Scalar, Structure, key_part, scalar_of
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.source import part
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from reprokit.compare.files.content import Options
    from reprokit.compare.files.source import Bytes, Source

_MAX_DEPTH = 128
_MAX_VALUES = 300_000  # XGBoost writes what is long as typed arrays, each of which is one
_NUMBERS = {"i": "i1", "U": "u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
_CONSTANTS = {"Z": None, "T": True, "F": False}


class _Reader:
    def __init__(self, data: Bytes) -> None:
        self.data = data
        self.at = 0
        self.leaves: dict[str, Leaf] = {}
        self.paths = Paths()

    def take(self, size: int) -> Bytes:
        found = part(self.data, self.at, size)
        self.at += size
        return found

    def mark(self) -> str:
        """The next marker; ``N`` means nothing."""
        while (found := chr(int(self.take(1)[0]))) == "N":
            pass
        return found

    def length(self) -> int:
        mark = self.mark()
        if mark not in "iUIlL":
            raise UnreadableError("a length in it is not a number")
        found = self.number(mark)
        if not 0 <= found <= self.data.size:
            raise UnreadableError(f"it claims {found} values, but has {self.data.size} bytes")
        return int(found)

    def number(self, mark: str) -> Any:
        dtype = np.dtype(_NUMBERS[mark])
        return self.take(dtype.itemsize).view(dtype)[0]

    def text(self) -> str:
        return self.take(self.length()).tobytes().decode("utf-8", "surrogateescape")

    def value(self, path: str, mark: str, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise UnreadableError("it is nested too deeply")
        if mark == "{":
            self.object(path, depth)
        elif mark == "[":
            self.array(path, depth)
        elif mark in _NUMBERS:
            found = self.number(mark).item()
            self.put(path, Scalar("float32", scalar_of(found).text) if mark == "d" else scalar_of(found))
        elif mark in _CONSTANTS:
            self.put(path, scalar_of(_CONSTANTS[mark]))
        elif mark in "SH":
            self.put(path, Scalar("str" if mark == "S" else "number", self.text()))
        elif mark == "C":
            self.put(path, Scalar("str", chr(int(self.take(1)[0]))))
        else:
            raise UnreadableError("it is not UBJSON")

    def put(self, path: str, leaf: Leaf) -> None:
        if path in self.leaves or len(self.leaves) > _MAX_VALUES:
            raise UnreadableError("it names a key twice, or has too many values")
        self.leaves[path] = leaf

    def header(self) -> tuple[str, int]:
        """A container's element type and count, where they are given; else empty and -1."""
        kind, count = "", -1
        if self.data[self.at : self.at + 1].tobytes() == b"$":
            self.at += 1
            kind = chr(int(self.take(1)[0]))
        if self.data[self.at : self.at + 1].tobytes() == b"#":
            self.at += 1
            count = self.length()
        if kind and (count < 0 or kind in _CONSTANTS or kind == "N"):
            # Nothing follows for a constant, so a few bytes would stand for any number of values.
            raise UnreadableError("a typed container in it has no count, or holds constants")
        return kind, count

    def object(self, path: str, depth: int) -> None:
        self.put(path, Structure("object"))
        kind, count = self.header()
        while count:
            if count < 0 and self.data[self.at : self.at + 1].tobytes() == b"}":
                self.at += 1
                break
            key = self.text()
            self.value(self.paths.join(path, key_part(key)), kind or self.mark(), depth + 1)
            count -= 1

    def array(self, path: str, depth: int) -> None:
        kind, count = self.header()
        if kind in _NUMBERS:
            dtype = np.dtype(_NUMBERS[kind])
            self.put(path, dense(self.take(count * dtype.itemsize), dtype, (count,)))
            return
        self.put(path, Structure("array"))
        index = 0
        while index != count:
            mark = kind or self.mark()
            if count < 0 and mark == "]":
                break
            self.value(self.paths.join(path, str(index)), mark, depth + 1)
            index += 1
        self.leaves[path] = Structure(f"array of {index}")


def read_ubjson(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads one value.

    Raises:
        UnreadableError: it is not UBJSON, nests too deeply, or bytes follow it.
    """
    del options
    reader = _Reader(source.data)
    reader.value("", reader.mark(), 0)
    if reader.at != source.size:
        raise UnreadableError("bytes follow its value")
    return dict(sorted(reader.leaves.items()))


UBJSON = Comparator("UBJSON", (".ubj",), read_ubjson)
