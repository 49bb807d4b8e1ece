"""What a file holds, apart from how it is packed: a flat mapping from a path to a leaf.

A path is a list of parts joined by ``/``. Each part names one key or index, written so that two different keys never
give the same part (`key_part`), which is what lets one flat mapping stand for a nested document.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np

Roots = tuple[str, ...]

_PART_LIMIT = 200
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. Two are equal exactly when type and text are.

    Attributes:
        type: ``int``, ``float``, ``bool``, ``str``, ``NoneType`` ...
        text: the whole value; for a float the shortest text that gives the same bits.
    """

    type: str
    text: str

    @property
    def number(self) -> float | None:
        """The value as a double, or None if it is not a number."""
        if (
            not (self.type in {"int", "float", "cell"} or self.type.startswith("numpy."))
            or len(self.text) > _PART_LIMIT
        ):
            return None
        try:
            return float(self.text)
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class Structure:
    """A container or an object: its kind, class and length, never its children (they are leaves of their own)."""

    text: str


@dataclass(frozen=True, slots=True)
class Tensor:
    """An array that is read when asked, in blocks, so that memory stays bounded.

    Attributes:
        dtype: the name of the element type: ``float32``, ``bfloat16``, ``float8_e4m3fn``, ``<U5`` ...
        shape: the length along each axis.
        blocks: called with a number of elements, yields 1-D arrays of at most that many, in C order, in native byte
            order and in the storage type of `dtypes.storage_dtype`. It may raise `UnreadableError`.
        nbytes: the bytes that all elements take together.
    """

    dtype: str
    shape: tuple[int, ...]
    blocks: Callable[[int], Iterator[np.ndarray[Any, Any]]]
    nbytes: int

    def array(self) -> np.ndarray[Any, Any]:
        """Reads the whole array into memory, shaped, in its storage type (bfloat16 as uint16, fp8 as uint8).

        Raises:
            UnreadableError: the data are damaged.
        """
        import numpy as np

        from reprokit.compare.files.dtypes import storage_dtype

        parts = list(self.blocks(1 << 20))
        if parts:
            return np.concatenate(parts).reshape(self.shape)
        return np.empty(self.shape, "V1" if self.dtype.startswith(("[", "{")) else storage_dtype(self.dtype))


@dataclass(frozen=True, slots=True)
class Records:
    """Rows that are read one by one: the lines of a text, the rows of a table, the documents of a JSONL file.

    Attributes:
        by: ``line`` where a row is one text, ``column`` where rows have named cells.
        rows: yields one mapping of column name to value for each row; may raise `UnreadableError`.
    """

    by: Literal["line", "column"]
    rows: Callable[[], Iterator[Mapping[str, Scalar]]]


Leaf = Scalar | Structure | Tensor | Records


@dataclass(frozen=True)
class Content:
    """The content of one file.

    Attributes:
        kind: the comparator that read it: ``safetensors``, ``torch.save``, ``json`` ...
        leaves: ordered; path to leaf.
    """

    kind: str
    leaves: Mapping[str, Leaf]

    def describe(self, rows: int | None = None) -> str:
        """Counts what was read: ``torch.save: 75 tensors, 14 values``."""
        counts = (
            (sum(isinstance(leaf, Tensor) for leaf in self.leaves.values()), "tensor"),
            (sum(isinstance(leaf, Scalar) for leaf in self.leaves.values()), "value"),
            (rows or 0, "line" if any(_by_line(leaf) for leaf in self.leaves.values()) else "row"),
        )
        text = ", ".join(f"{n} {noun}{'' if n == 1 else 's'}" for n, noun in counts if n)
        return f"{self.kind}: {text}" if text else self.kind


def _by_line(leaf: Leaf) -> bool:
    return isinstance(leaf, Records) and leaf.by == "line"


@dataclass(frozen=True)
class Difference:
    """One leaf that differs.

    Attributes:
        where: a tensor's name, a JSON path, a column, or ``line 3``.
        index: the first element that differs, counted from 0, or None.
        a: what stands there in the first file, shortened and printable.
        b: the same for the second file.
        max_abs: the largest absolute difference over all elements that are numbers on both sides.
        max_ulp: the largest distance in units in the last place, for floats.
        share: the share of elements that differ, 0 to 1.
        detail: what differs, in words.
    """

    where: str
    index: tuple[int, ...] | None
    a: str
    b: str
    max_abs: float | None
    max_ulp: int | None
    share: float | None
    detail: str


@dataclass(frozen=True)
class FileComparison:
    """What comparing two files gave.

    Attributes:
        path: the name under which the file was compared.
        equal: the canonical content is the same, bit by bit.
        same_schema: the leaves have the same names, types and shapes.
        method: how it was compared: ``safetensors: 12 tensors``, ``bytes``.
        differences: at most `Options.max_differences` of them.
        differing: how many leaves (lines of a text, columns of a table) differ in all.
        note: empty, or ``RPK051: ...`` and why bytes were compared instead, or ``RPK110: ...``.
        established: false where the bytes differ and no installed library can read them: not equal, and not known to
            differ.
    """

    path: str
    equal: bool
    same_schema: bool
    method: str
    differences: tuple[Difference, ...]
    differing: int
    note: str = ""
    established: bool = True


def _unchanged(text: str) -> str:
    return text


@dataclass(frozen=True)
class Options:
    """What a comparison may pass over.

    Attributes:
        ignore_patterns: regular expressions; text lines in which one is found are left out.
        ignore_keys: keys of mappings, attributes or table columns that are left out, with all below them.
        max_differences: how many differences are described; all are counted.
        moved: for each of the two files, the directories that stood for ``/`` when it was written; see `relocation`.
        text: what a reader applies to the keys, lines and cells of its file that are texts.
    """

    ignore_patterns: tuple[str, ...] = ()
    ignore_keys: tuple[str, ...] = ()
    max_differences: int = 20
    moved: tuple[Roots, Roots] = ((), ())
    text: Callable[[str], str] = _unchanged


@dataclass
class Paths:
    """Writes paths, and refuses content whose paths alone would fill the memory.

    Attributes:
        left: how many characters may still be written.
    """

    left: int = field(default=1 << 26)

    def join(self, parent: str, part: str) -> str:
        """The path of `part` below `parent`.

        Raises:
            UnreadableError: all paths together have become too long.
        """
        path = f"{parent}/{part}" if parent else part
        if len(path) > 1000:
            path = "~#" + _short_digest(path)
        self.left -= len(path)
        if self.left < 0:
            raise UnreadableError("the names of its values would take too much memory")
        return path


def key_part(key: str) -> str:
    """One part of a path for a text key: distinct keys give distinct parts, none of which reads as an index.

    ``~`` and ``/`` are escaped as in JSON pointer (RFC 6901). A key that looks like an index, or begins like one of
    our own markers, is quoted.
    """
    text = key.replace("~", "~0").replace("/", "~1")
    if not text or text[0] in '"<' or text.removeprefix("-").isdigit():
        text = f'"{text}"'
    return text if len(text) <= _PART_LIMIT else f"{text[:40]}~#{_short_digest(text)}"


def _short_digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def shown(text: str) -> str:
    """A text as it may be printed: no control characters, at most 80 characters."""
    cut = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in cut)


def scalar_of(value: object) -> Scalar:
    """The leaf for a None, bool, int, float, complex or str.

    A NaN keeps its payload in the text, since two NaNs are equal only if their bits are.
    """
    if isinstance(value, bool):
        return Scalar("bool", str(value))
    if isinstance(value, int):
        # int -> decimal is quadratic and limited by CPython (PEP 0537-like guard, CVE-2020-10735).
        return Scalar("int", str(value) if value.bit_length() < 4096 else hex(value))
    if isinstance(value, float):
        return Scalar("float", _float_text(value))
    if isinstance(value, complex):
        return Scalar("complex", f"{_float_text(value.real)} {_float_text(value.imag)}")
    return Scalar(type(value).__name__, str(value))


def _float_text(value: float) -> str:
    import struct

    if value == value:  # noqa: PLR0124 - a NaN is the only float that is not itself
        return repr(value)
    bits = struct.pack(">d", value).hex()
    return "nan" if bits == "7ff8000000000000" else f"nan(0x{bits})"
