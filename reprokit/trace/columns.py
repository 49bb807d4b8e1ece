"""The trace as it lies in a bundle: columns, so that step *k* of a million is read without the rest.

``trace/STREAM/index.json`` names the parts and their columns. ``steps.npy`` has a record a step: step, flags, loss,
learning rate. Each part has ``PART.npy``, uint8 of shape (rows, columns, 16), and ``PART.rows.npy``, int64 of shape
(rows,): the key ``2 * step + final`` of each row, ascending. Zeros mean "not digested". Everything opens with
``numpy.load``.
"""

from __future__ import annotations

import io
import json
import math
import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from reprokit.errors import CorruptBundleError
from reprokit.errors.reasons import reason_of
from reprokit.trace.passed import read_all_rows
from reprokit.trace.raw import DIGEST_BYTES, FINAL, Column, read_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from reprokit.trace.raw import Block, Row

SCHEMA = "reprokit.trace/1"
STEPS = np.dtype([("step", "<i8"), ("flags", "<u2"), ("loss", "<f8"), ("rate", "<f8")])
_LONGEST_PLAN = 1 << 26  # updates; a foreign bundle's step numbers may say anything
EXECUTION_ORDER = ("entry", "batch", "rng", "loss", "gradients", "lr", "parameters", "optimizer")
"""The learning rate is read by the update, so it stands before what the update changes."""


@dataclass(frozen=True)
class Written:
    """What `write_columns` made. ``steps`` counts updates; ``files`` are names relative to the target directory."""

    steps: int
    final_loss: float | None
    flags: int
    parts: list[str]
    algorithm: str
    files: list[str]


class _PartWriter:
    """Collects the rows of one part in a file, in constant memory."""

    def __init__(self, directory: Path, name: str, columns: list[Column]) -> None:
        self.name, self.columns = name, columns
        self.path = directory / f"{name}.npy"
        self._raw = directory / f".{name}.raw"
        self._file = self._raw.open("wb")
        self.keys: list[int] = []

    def append(self, key: int, row: bytes) -> None:
        self.keys.append(key)
        self._file.write(row)

    def close(self) -> None:
        self._file.close()
        shape = (len(self.keys), len(self.columns), DIGEST_BYTES)
        with self.path.open("wb") as target, self._raw.open("rb") as source:
            np.lib.format.write_array_header_1_0(target, {"descr": "|u1", "fortran_order": False, "shape": shape})
            shutil.copyfileobj(source, target, 1 << 20)
        self._raw.unlink()
        np.save(self.path.with_suffix(".rows.npy"), np.array(self.keys, dtype="<i8"))


def _layout(blocks: dict[int, Block]) -> tuple[dict[str, list[Column]], dict[int, list[int]]]:
    """The columns of each part, and where each block's digests go among them."""
    parts: dict[str, dict[str, int]] = {}
    columns: dict[str, list[Column]] = {}
    places: dict[int, list[int]] = {}
    for number, block in blocks.items():
        known = parts.setdefault(block.part, {})
        listed = columns.setdefault(block.part, [])
        for column in block.columns:
            if column.key not in known:
                known[column.key] = len(listed)
                listed.append(column)
        places[number] = [known[column.key] for column in block.columns]
    return columns, places


def _part_rows(row: Row, blocks: dict[int, Block], places: dict[int, list[int]], widths: dict[str, int]) -> Any:
    parts: dict[str, bytearray] = {}
    for number, digests in row.blocks.items():
        block = blocks.get(number)
        if block is None:
            continue
        target = parts.setdefault(block.part, bytearray(widths[block.part] * DIGEST_BYTES))
        at = places[number]
        if at and at == list(range(at[0], at[0] + len(at))):
            target[at[0] * DIGEST_BYTES : (at[-1] + 1) * DIGEST_BYTES] = digests
        else:
            for index, place in enumerate(at):
                chunk = digests[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES]
                target[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES] = chunk
    return parts


def _one_final(rows: Iterator[Row]) -> Iterator[Row]:
    """Joins states at exit of the same step: each of two adapters wrote what it watched."""
    held: Row | None = None
    for row in rows:
        if held is not None and row.flags & FINAL and row.step == held.step:
            held = replace(held, blocks={**held.blocks, **row.blocks})
            continue
        if held is not None:
            yield held
            held = None
        if row.flags & FINAL:
            held = row
        else:
            yield row
    if held is not None:
        yield held


def write_columns(source: Path, target: Path, *, level: str) -> Written | None:
    """Turns a process's raw trace into columns, in memory that does not grow with its length.

    Args:
        source: the process's directory, with ``blocks`` and ``rows``.
        target: a directory that is created.
        level: the trace level, for the index.

    Returns:
        None when the process wrote no row.
    """
    rows_path, blocks_path = source / "rows", source / "blocks"
    if not rows_path.exists():
        return None
    blocks = read_blocks(blocks_path.read_bytes()) if blocks_path.exists() else {}
    columns, places = _layout(blocks)
    target.mkdir(parents=True)
    writers = {part: _PartWriter(target, part, listed) for part, listed in columns.items()}
    widths = {part: len(listed) for part, listed in columns.items()}
    count, union, loss = 0, 0, None
    with (target / ".steps.raw").open("wb") as steps:
        for row in _one_final(read_all_rows(source, blocks)):
            steps.write(np.array([(row.step, row.flags, row.loss, row.rate)], dtype=STEPS).tobytes())
            key = 2 * row.step + bool(row.flags & FINAL)
            for part, data in _part_rows(row, blocks, places, widths).items():
                writers[part].append(key, bytes(data))
            if not row.flags & FINAL:
                count, union = row.step, union | row.flags
                loss = loss if math.isnan(row.loss) else row.loss
    for writer in writers.values():
        writer.close()
    raw = np.fromfile(target / ".steps.raw", dtype=STEPS)
    (target / ".steps.raw").unlink()
    np.save(target / "steps.npy", raw)
    algorithms = sorted({block.algorithm for block in blocks.values()})
    index = {
        "schema": SCHEMA,
        "level": level,
        "algorithm": algorithms[0] if algorithms else "",
        "parts": {
            part: [{"key": c.key, "name": c.name, "dtype": c.dtype, "shape": c.shape} for c in listed]
            for part, listed in columns.items()
        },
    }
    (target / "index.json").write_text(json.dumps(index, indent=1))
    names = sorted(path.name for path in target.iterdir())
    ordered = [part for part in EXECUTION_ORDER if part in columns] + sorted(set(columns) - set(EXECUTION_ORDER))
    return Written(count, loss, union, ordered, index["algorithm"], names)  # type: ignore[arg-type]


class Part:
    """One part of a trace: rows of digests, read from the file on demand."""

    def __init__(self, trace: Trace, name: str, columns: list[Column]) -> None:
        self._trace = trace
        self.name = name
        self.columns = columns

    @cached_property
    def keys(self) -> Any:
        """int64, shape (rows,): ``2 * step + final``, ascending."""
        return self._trace.array(f"{self.name}.rows.npy")

    def read(self, first: int, last: int) -> Any:
        """Rows ``first`` to ``last`` (exclusive): uint8 of shape (rows, columns, 16)."""
        with self._trace.open(f"{self.name}.npy") as file:
            shape, fortran, dtype = _header(file, self.name)
            if fortran or dtype != np.uint8 or shape != (len(self.keys), len(self.columns), DIGEST_BYTES):
                raise CorruptBundleError("RPK027", f"trace part {self.name} has shape {shape}, not what its index says")
            width = len(self.columns) * DIGEST_BYTES
            file.seek(file.tell() + first * width)
            data = file.read((last - first) * width)
        if len(data) != (last - first) * width:
            raise CorruptBundleError("RPK027", f"trace part {self.name} ends early")
        return np.frombuffer(data, np.uint8).reshape(last - first, len(self.columns), DIGEST_BYTES)


def _header(file: BinaryIO, what: str) -> tuple[Any, bool, Any]:
    try:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(version)  # noqa: TRY301
        return np.lib.format.read_array_header_1_0(file, max_header_size=4096)
    except (ValueError, EOFError) as error:
        raise CorruptBundleError("RPK027", f"trace file {what} is not a NumPy array: {error}") from None


def _check_schema(schema: object) -> None:
    if schema != SCHEMA:
        raise CorruptBundleError("RPK025", f"the trace has schema {schema!r}, not {SCHEMA!r}")


class Trace:
    """A stream's trace, opened lazily.

    Args:
        opener: opens a file of the trace by its name, seekable; raises FileNotFoundError or KeyError when it is absent.
    """

    def __init__(self, opener: Callable[[str], BinaryIO]) -> None:
        self.open = opener
        try:
            with opener("index.json") as file:
                index = json.loads(file.read())
            _check_schema(index["schema"])
            self.algorithm: str = index["algorithm"]
            self.level: str = index["level"]
            self.parts = {
                name: Part(self, name, [Column(c["key"], c["name"], c["dtype"], c["shape"]) for c in listed])
                for name, listed in index["parts"].items()
            }
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptBundleError("RPK027", f"the trace's index is invalid: {reason_of(error)}") from None

    @classmethod
    def at(cls, directory: Path) -> Trace:
        """The trace in a directory."""
        return cls(lambda name: (directory / name).open("rb"))

    def array(self, name: str) -> Any:
        """A whole (small) array of the trace."""
        try:
            with self.open(name) as file:
                return np.load(io.BytesIO(file.read()), allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise CorruptBundleError("RPK027", f"trace file {name} is not a NumPy array: {error}") from None

    @cached_property
    def steps(self) -> Any:
        """Records of dtype `STEPS`, the final state (if any) among them."""
        return self.array("steps.npy")

    @cached_property
    def updates(self) -> Any:
        """Records of the updates alone."""
        steps = self.steps
        return steps[(steps["flags"] & FINAL) == 0]

    @property
    def count(self) -> int:
        """The number of updates; a row may stand for several (see `Recorder.end_step`)."""
        return int(self.updates["step"][-1]) if len(self.updates) else 0

    @cached_property
    def covered(self) -> Any:
        """How many updates each row of `updates` stands for: int64."""
        return np.diff(self.updates["step"], prepend=0)

    def plan(self) -> bytes:
        """The flags of each update, for a replay to follow."""
        flags = (self.updates["flags"] & 0xFF).astype(np.uint8)
        covered = self.covered
        if len(flags) and covered.min() > 0 and self.count <= _LONGEST_PLAN:
            flags = np.repeat(flags, covered)
        return bytes(flags)
