"""NumPy's ``.npy`` and ``.npz`` (NEP 1). Headers are read as literals; object arrays as inert structure."""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from reprokit.compare.files import zips
from reprokit.compare.files.arrays import checked_size, dense, streamed
from reprokit.compare.files.content import Leaf, Paths, key_part
from reprokit.compare.files.registry import Comparator
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.compare.files.content import Options, Tensor
    from reprokit.compare.files.source import Bytes, Source

_MAGIC = b"\x93NUMPY"
_MAX_HEADER = 10_000  # NumPy's own limit: longer literals can exhaust the parser

_HEADER_ERRORS = (
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
)


class Header(NamedTuple):
    """An ``.npy`` header: where the elements begin, and what they are."""

    start: int
    dtype: np.dtype[Any]
    fortran: bool
    shape: tuple[int, ...]


def header_of(head: bytes) -> Header:
    """Reads a header.

    Args:
        head: the file's first bytes, `_MAX_HEADER` + 12 of them or all.

    Raises:
        UnreadableError: it is not one.
    """
    wide = head[6:7] in {b"\x02", b"\x03"}
    if not head.startswith(_MAGIC) or len(head) < 12 or not (wide or head[6:7] == b"\x01"):
        raise UnreadableError("it has no .npy header")
    start = 12 if wide else 10
    length = int.from_bytes(head[8:start], "little")
    text = head[start : start + length]
    if length > _MAX_HEADER or len(text) < length:
        raise UnreadableError(f"its .npy header claims {length} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd literals make the parser warn
            fields = ast.literal_eval(text.decode("utf-8" if head[6] == 3 else "latin1").strip())
        dtype = np.lib.format.descr_to_dtype(fields["descr"])
        shape, fortran = fields["shape"], fields["fortran_order"]
    except _HEADER_ERRORS as error:
        raise UnreadableError("its .npy header is damaged") from error
    if not isinstance(dtype, np.dtype) or not isinstance(shape, tuple) or not isinstance(fortran, bool):
        raise UnreadableError("its .npy header is damaged")
    checked_size(shape, dtype.itemsize)
    return Header(start + length, dtype, fortran, shape)


def arrays_in(data: Bytes, path: str, source: Source) -> dict[str, Leaf]:
    """The arrays that stand one after the other in `data` (``np.save`` may be called several times on one file).

    Raises:
        UnreadableError: something else stands there.
    """
    leaves: dict[str, Leaf] = {}
    at = count = 0
    while at < data.size or not count:
        header = header_of(data[at : at + _MAX_HEADER + 12].tobytes())
        name = path if not count else f"{path}#{count}"
        start = at + header.start
        if header.dtype.hasobject:
            leaves |= _objects(data[start:], name, header, source)
            break
        size = checked_size(header.shape, header.dtype.itemsize)
        if start + size > data.size:
            raise UnreadableError(f"an array claims {size} bytes, but there are {data.size - start}")
        leaves[name] = dense(data[start : start + size], header.dtype, header.shape, fortran=header.fortran)
        at, count = start + size, count + 1
    return leaves


def _objects(data: Bytes, name: str, header: Header, source: Source) -> dict[str, Leaf]:
    from reprokit.compare.files.pickle_file import leaves_of_pickle

    if header.dtype.fields:
        raise UnreadableError("its records hold Python objects")
    return leaves_of_pickle(data, source.budget, prefix=name)


def _member_leaves(member: zips.Member, path: str, source: Source) -> dict[str, Leaf]:
    """Streams a deflated array in C order; anything else is read from memory."""
    if member.deflated:
        head = b""
        for piece in member.pieces():
            head += piece
            if len(head) >= _MAX_HEADER + 12:
                break
        header = header_of(head)
        size = checked_size(header.shape, header.dtype.itemsize)
        if not header.fortran and not header.dtype.hasobject and header.start + size == member.size and size:
            return {path: _streamed(member, header)}
    return arrays_in(member.data(), path, source)


def _streamed(member: zips.Member, header: Header) -> Tensor:
    def read() -> Iterator[bytes]:
        skip = header.start
        for piece in member.pieces():
            kept = piece[skip:]
            skip = max(0, skip - len(piece))
            if kept:
                yield kept

    return streamed(read, header.dtype, header.shape)


def read_npy(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads a ``.npy`` file: one leaf named ``array``, or ``array``, ``array#1`` ... ."""
    del options
    return arrays_in(source.data, "array", source)


def read_npz(source: Source, options: Options) -> dict[str, Leaf]:
    """Reads a ``.npz`` archive: one leaf for each array, under its own name."""
    del options
    leaves: dict[str, Leaf] = {}
    paths = Paths()
    for name, member in sorted(zips.members(source).items()):
        path = paths.join("", key_part(name.removesuffix(".npy")))
        found = _member_leaves(member, path, source)
        if found.keys() & leaves.keys():
            raise UnreadableError(f"two of its members are named {path!r}")
        leaves |= found
    return leaves


def _is_npz(source: Source) -> bool:
    names = zips.names(source)
    return bool(names) and all(name.endswith(".npy") for name in names)


NPY = Comparator("npy", (".npy",), read_npy, lambda source: source.head(6) == _MAGIC)
NPZ = Comparator("npz", (".npz",), read_npz, _is_npz)
