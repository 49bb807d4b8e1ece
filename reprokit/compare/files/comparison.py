"""Comparing two files, and reading one: the entry to this package."""

from __future__ import annotations

import functools
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from reprokit.compare.files.content import Content, FileComparison, Options, shown
from reprokit.compare.files.content_difference import compare_contents
from reprokit.compare.files.limits import Budget
from reprokit.compare.files.registry import choose, named
from reprokit.compare.files.relocation import Relocation, said_of
from reprokit.compare.files.source import HEAD, Source, open_file, packing, unpack
from reprokit.compare.files.unreadable import MissingReaderError, UnreadableError

if TYPE_CHECKING:
    from pathlib import Path

    from reprokit.compare.files.registry import Comparator
    from reprokit.compare.files.source import Bytes

_DEFAULT = Options()
_CHUNK = 8 << 20
# Whatever a reader raises on hostile content, the answer is the same and errs on the strict side: compare bytes.
DAMAGED = (
    UnreadableError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    EOFError,
    OSError,
    MemoryError,
    RecursionError,
    NotImplementedError,
    struct.error,
    zlib.error,
)


def compare_files(a: Path, b: Path, name: str, options: Options = _DEFAULT) -> FileComparison:
    """Compares what two files hold, not how it is packed; nothing in them is executed.

    Identical bytes are equal without further reading. Otherwise both are read as what they are, by content first and by
    name second, and compared leaf by leaf. A file that cannot be read so is compared by its bytes.

    Args:
        a: the first file.
        b: the second file.
        name: the name that stands for both in the report; its ending tells the type where the content does not.
        options: what may be passed over.

    Raises:
        UsageError: RPK003, one of them does not exist or is not a regular file; RPK001, a pattern is not valid.
    """
    left, right = open_file(a), open_file(b)
    if same_bytes(left, right):
        return FileComparison(name, equal=True, same_schema=True, method=_kind(name, left), differences=(), differing=0)
    note = ""
    try:
        first, second = unpack(name, left, a), unpack(name, right, b)
        comparator, other = choose(first), choose(second)
        if comparator.kind == other.kind:
            for readers in _attempts(comparator, other):
                try:
                    return _compare(name, first, second, readers, options=options, note=note)
                except MissingReaderError as error:
                    return not_established(name, comparator.kind, error)
                except DAMAGED as error:
                    note = note or _note(comparator, error)
        else:
            return _compare(name, first, second, (comparator, other), options=options, note=note)
    except DAMAGED as error:
        note = note or _note(None, error)
    plain = named("bytes")
    return _compare(name, _whole(name, left), _whole(name, right), (plain, plain), options=options, note=note)


def _attempts(first: Comparator, second: Comparator) -> list[tuple[Comparator, Comparator]]:
    """The two files' readers (of one kind), and those to try if they refuse; bytes are tried after all."""
    if first.fallback == "bytes":
        return [(first, second)]
    return [(first, second), (named(first.fallback), named(first.fallback))]


def _compare(
    name: str, a: Source, b: Source, readers: tuple[Comparator, Comparator], *, options: Options, note: str
) -> FileComparison:
    moved = Relocation(options.moved[0]), Relocation(options.moved[1])
    first, second = (
        relocation.content(reader.kind, functools.partial(reader.read, source), options)
        for relocation, reader, source in zip(moved, readers, (a, b), strict=True)
    )
    outcome = compare_contents(first, second, options)
    return FileComparison(
        path=name,
        equal=not outcome.differing,
        same_schema=outcome.same_schema or first.kind == second.kind == "bytes",
        method="bytes" if first.kind == "bytes" else first.describe(outcome.rows),
        differences=tuple(outcome.differences),
        differing=outcome.differing,
        note="; ".join(filter(None, (note, said_of(*moved)))),
    )


def not_established(name: str, kind: str, error: MissingReaderError) -> FileComparison:
    """What is said of two outputs that differ in bytes and cannot be read here."""
    note = f"RPK110: not compared as {kind}: {error.message}"
    return FileComparison(
        name, equal=False, same_schema=True, method=kind, differences=(), differing=0, note=note, established=False
    )


def _note(reader: Comparator | None, error: BaseException) -> str:
    why = error.message if isinstance(error, UnreadableError) else f"it is damaged ({type(error).__name__})"
    return f"RPK051: not compared as {reader.kind if reader else 'content'}: {shown(why)}"


def _whole(name: str, data: Bytes) -> Source:
    return Source(name, data, Budget(int(data.size)))


def same_bytes(a: Bytes, b: Bytes) -> bool:
    """Whether two files hold the same bytes."""
    if a.size != b.size:
        return False
    return all(np.array_equal(a[at : at + _CHUNK], b[at : at + _CHUNK]) for at in range(0, int(a.size), _CHUNK))


def _kind(name: str, data: Bytes) -> str:
    """What a file is, from its first bytes and its name alone."""
    found = packing(data[:HEAD].tobytes())
    try:
        return found[0] if found else choose(_whole(name, data)).kind
    except DAMAGED:
        return "bytes"


def read_content(path: Path, name: str, options: Options = _DEFAULT) -> Content:
    """Reads one file into its leaves, without executing anything in it.

    Args:
        path: the file.
        name: its name; the ending tells the type where the content does not.
        options: what may be passed over.

    Returns:
        Leaves in order. Arrays and rows are read when asked, and raise `UnreadableError` if they are damaged.

    Raises:
        UsageError: RPK003, it does not exist or is not a regular file.
        UnreadableError: RPK051, it is not what its content or name say.
    """
    data = open_file(path)
    comparator = None
    try:
        source = unpack(name, data, path)
        comparator = choose(source)
        return Content(comparator.kind, comparator.read(source, options))
    except UnreadableError:
        raise
    except DAMAGED as error:
        raise UnreadableError(_note(comparator, error).removeprefix("RPK051: ")) from error
