"""The losses of steps that were passed over, which the observed process only notes as numbers.

A file ``losses.DTYPE`` a dtype, of pairs of float64: step and loss; it ends at the first step of 0. Read back, each
pair is the row that a step with nothing but one loss would have written.
"""

from __future__ import annotations

import heapq
import struct
from typing import TYPE_CHECKING

from reprokit.digest import array_header, tensor_hash_named
from reprokit.trace.raw import FINAL, LOSS, Row, read_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from reprokit.trace.raw import Block

_PAIR = struct.Struct("=dd")
_SINGLE, _DOUBLE = struct.Struct("=f").pack, struct.Struct("=d").pack
PACK = {"torch.float32": _SINGLE, "torch.float64": _DOUBLE, "float32": _SINGLE, "float64": _DOUBLE}
"""The dtypes of losses that are noted so, and how their bytes are had back from the number."""
_NAN = float("nan")


def passed_file(dtype: str) -> str:
    """The name of the file of one dtype's losses: ``losses.torch.float32``."""
    return f"losses.{dtype}"


def read_all_rows(directory: Path, blocks: Mapping[int, Block]) -> Iterator[Row]:
    """The rows of a process's raw trace, those of passed steps among them, by step; in constant memory.

    Args:
        directory: the process's, with ``rows``, ``blocks`` and ``losses.*``.
        blocks: see `reprokit.trace.raw.read_blocks`.
    """
    streams = [_rows(directory / "rows")]
    streams += [_passed(directory / passed_file(dtype), dtype, blocks) for dtype in PACK]
    return heapq.merge(*streams, key=lambda row: (row.step, row.flags & FINAL))


def _rows(path: Path) -> Iterator[Row]:
    if path.exists():
        with path.open("rb") as file:
            yield from read_rows(file.read)


def _passed(path: Path, dtype: str, blocks: Mapping[int, Block]) -> Iterator[Row]:
    block = next((b for b in blocks.values() if b.part == "loss" and _is_one(b, dtype)), None)
    if block is None or not path.exists():
        return
    digest = _digester(block.algorithm, dtype)
    with path.open("rb") as file:
        while len(pair := file.read(_PAIR.size)) == _PAIR.size:
            step, loss = _PAIR.unpack(pair)
            if not step:
                return
            yield Row(int(step), LOSS, loss, _NAN, {block.number: digest(loss)})


def _is_one(block: Block, dtype: str) -> bool:
    return len(block.columns) == 1 and (block.columns[0].dtype, block.columns[0].shape) == (dtype, "1")


def _digester(algorithm: str, dtype: str) -> Callable[[float], bytes]:
    hasher = tensor_hash_named(algorithm)
    seed, pack = hasher.prepare(array_header(dtype, [1])), PACK[dtype]
    return lambda loss: hasher.digest(seed, pack(loss))
