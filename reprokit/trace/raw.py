"""The trace as the observed process writes it: append-only rows, readable up to the last whole row after a crash.

Two files a process. ``blocks`` declares groups of columns (the parameters of one optimizer, the tensors of a batch);
``rows`` holds a row a step: a header and, for each block that was digested in that step, 16 bytes a column. A column
that was not digested in a step is absent from its row: nothing is ever assumed equal.

Standard library only, since it runs inside the user's process.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprokit.trace.records import decode_records, encode_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DIGEST_BYTES = 16

# Flags of a row. The low three are a plan: what was to be digested in that step; a replay follows them.
CORE = 1  # RNG states, batch, gradients, parameters
ENTRY = 2  # parameters once more, when the step's first forward pass begins
MOMENTS = 4  # optimizer state
PLAN = CORE | ENTRY | MOMENTS
FINAL = 8  # the state at exit, not an update
LOSS = 16  # the row holds a loss
BACKWARD = 32  # delimited by a backward pass: no optimizer object was used
EXPLICIT = 64  # delimited by a call of reprokit.step()
OPAQUE = 128  # ran compiled: parts that are absent (gradients, a batch) happened and could not be seen
TURNS = 256  # another thread made the update before it, and was still alive: which is first may be chance

_HEADER = struct.Struct("<2sHIQddI")  # magic, flags, length of the whole row, step, loss, learning rate, blocks
_BLOCK = struct.Struct("<II")  # block, number of columns
_MAGIC = b"RK"


@dataclass(frozen=True, slots=True)
class Column:
    """One digested thing: ``key`` is stable between runs (``0/0/3``), ``name`` a label (``blocks.0.weight``)."""

    key: str
    name: str
    dtype: str = ""
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Columns that are written together: one part of the step's state."""

    number: int
    part: str
    algorithm: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One step as it was written; ``blocks`` maps a block's number to 16 bytes a column."""

    step: int
    flags: int
    loss: float
    rate: float
    blocks: dict[int, bytes]


class RawWriter:
    """Writes blocks and rows through two append functions (see `reprokit.observe.sink.Sink`)."""

    def __init__(self, write_block: Callable[[bytes], None], write_row: Callable[[bytes], None]) -> None:
        self._write_block = write_block
        self._write_row = write_row
        self._numbers: dict[tuple[str, str, tuple[Column, ...]], int] = {}

    def block(self, part: str, algorithm: str, columns: tuple[Column, ...]) -> int:
        """Declares a block once; returns its number."""
        identity = (part, algorithm, columns)
        number = self._numbers.get(identity)
        if number is None:
            number = self._numbers[identity] = len(self._numbers)
            fields = [str(number), part, algorithm]
            for column in columns:
                fields += [column.key, column.name, column.dtype, column.shape]
            self._write_block(encode_record(*fields))
        return number

    def row(self, step: int, flags: int, loss: float, rate: float, blocks: list[tuple[int, bytes]]) -> None:
        """Appends one row: one write, so a crash can cut only the last one."""
        parts = [b""]
        length = _HEADER.size
        for number, digests in blocks:
            parts.append(_BLOCK.pack(number, len(digests) // DIGEST_BYTES))
            parts.append(digests)
            length += _BLOCK.size + len(digests)
        parts[0] = _HEADER.pack(_MAGIC, flags, length, step, loss, rate, len(blocks))
        self._write_row(b"".join(parts))


def read_blocks(data: bytes) -> dict[int, Block]:
    """Reads the ``blocks`` file; a record cut by a crash is left out."""
    blocks = {}
    for fields in decode_records(data):
        columns = tuple(Column(*fields[i : i + 4]) for i in range(3, len(fields) - 3, 4))
        number = int(fields[0])
        blocks[number] = Block(number, fields[1], fields[2], columns)
    return blocks


def read_rows(read: Callable[[int], bytes]) -> Iterator[Row]:
    """Yields whole rows in constant memory and stops at the first cut or damaged one.

    Args:
        read: reads up to *n* bytes from the ``rows`` file, like ``file.read``.
    """
    while True:
        header = read(_HEADER.size)
        if len(header) < _HEADER.size:
            return
        magic, flags, length, step, loss, rate, count = _HEADER.unpack(header)
        body = read(length - _HEADER.size) if length >= _HEADER.size else b""
        if magic != _MAGIC or len(body) != length - _HEADER.size:
            return
        blocks, at = {}, 0
        for _ in range(count):
            if at + _BLOCK.size > len(body):
                return
            number, columns = _BLOCK.unpack_from(body, at)
            at += _BLOCK.size
            blocks[number] = body[at : at + columns * DIGEST_BYTES]
            at += columns * DIGEST_BYTES
        if at != len(body):
            return
        yield Row(step, flags, loss, rate, blocks)
