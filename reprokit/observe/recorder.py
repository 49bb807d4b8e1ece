"""Gathers what the adapters see of one step and writes it as one row of the trace.

An adapter adds blocks of digests as the step unfolds (batch, RNG states, loss, gradients …) and ends the step; the
recorder knows the step's number, its plan, and where the trace is.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident
from time import perf_counter
from typing import TYPE_CHECKING, Any

from reprokit.digest import array_header, tensor_hash
from reprokit.observe.mapped import PairLog
from reprokit.observe.rng import GeneratorStates
from reprokit.observe.sink import Sink
from reprokit.observe.switches import note_changes
from reprokit.trace.budget import Budget
from reprokit.trace.clock import CLOCK_FILE
from reprokit.trace.passed import passed_file
from reprokit.trace.raw import CORE, FINAL, LOSS, MOMENTS, TURNS, Column, RawWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.observe.start import Session

_NAN = float("nan")


def load_xxhash(config: dict[str, Any]) -> Any:
    """The ``xxhash`` module: the script's own, or reprokit's when the interpreters are alike; else None."""
    try:
        import xxhash
    except ImportError:
        pass
    else:
        return xxhash
    path = config.get("xxhash", {}).get(sys.implementation.cache_tag)
    if not path:
        return None
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("_xxhash", path)
    if spec is None or spec.loader is None:
        return None
    try:
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
    except ImportError:
        return None
    return module


class Recorder:
    """One process's trace.

    Attributes:
        step: the number of updates completed so far.
        flags: what is to be digested in the step that is under way.
        marked: the script marks the steps itself.
        outer: the adapter whose update is under way, or empty. Keras trains on PyTorch or JAX: while it does, their
            adapters stay silent, and what they would have called a step is none.
        look_after: the step after which a step that is passed over must ask `choose` again.
        spent: seconds spent on it so far, all but those on moments and on the state at entry.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.hash = tensor_hash(load_xxhash(session.config))
        self.light = session.config.get("level") == "light"
        self._restart()

    def _restart(self) -> None:
        config = self._session.config
        process = self._session.process
        self._rows = Sink(os.path.join(process.directory, "rows"))
        self._blocks = Sink(os.path.join(process.directory, "blocks"))
        self._writer = RawWriter(self._blocks.write, self._rows.write)
        self.generators = GeneratorStates()
        self._loss_blocks: dict[tuple[str, int], tuple[int, Any]] = {}
        self._logs: list[PairLog] = []
        self._clock = self._log(CLOCK_FILE) if config.get("clock") else None
        self.step = 0
        self.outer = ""
        self.marked = False
        self._thread = 0
        self.budget = Budget(config.get("level", "budget"), config.get("plans", {}).get(process.key))
        self._clear()
        self.choose()

    def forked(self) -> None:
        """In a forked child: a trace of its own, from step 1."""
        self._restart()

    def _clear(self) -> None:
        self._row: list[tuple[int, bytes]] = []
        self._roots: dict[str, list[bytes]] = {}
        self.losses: list[tuple[float, bytes]] = []
        self.spent = 0.0

    def block(self, part: str, columns: tuple[Column, ...]) -> int:
        """Declares columns of a part; returns the block's number (cache it)."""
        return self._writer.block(part, self.hash.name, columns)

    def add(self, block: int, digests: bytes, part: str = "") -> None:
        """Adds 16 bytes a column to the current row; at the level ``light`` only their root is kept."""
        if self.light and part and len(digests) > 16:
            self._roots.setdefault(part, []).append(digests)
        else:
            self._row.append((block, digests))

    def _add_roots(self) -> None:
        """One root a part: parameters and buffers, or several optimizers, must not stand for each other."""
        for part, blocks in self._roots.items():
            digests = b"".join(blocks)
            count, dtype = len(digests) // 16, "digests" if len(blocks) == 1 else "digests joined"
            root = self.hash.digest(self.hash.prepare(array_header("digests", [count])), digests)
            self._row.append((self.block(part, (Column("root", "root", dtype, str(count)),)), root))

    def spend(self, kind: int, seconds: float) -> None:
        """Books time: CORE over the whole step, the other kinds at once."""
        if kind == CORE:
            self.spent += seconds
        else:
            self.budget.spend(kind, seconds)

    def add_generators(self, phase: str, extra: list[tuple[str, bytes]]) -> None:
        """Digests the states of Python's and NumPy's global generators and of those in ``extra`` (name, bytes)."""
        names, digests = self.generators.digests(self.hash, extra)
        self._row.append(
            (
                self.block("rng", tuple(Column(f"{phase}/{name}", f"{name} ({phase})") for name in names)),
                b"".join(digests),
            )
        )

    def add_loss(self, value: float, raw: bytes, dtype: str) -> None:
        """Adds the loss of one backward pass: its value and its bytes."""
        self.losses.append((value, raw))
        self._loss_dtype = dtype

    def end_step(self, *, rate: float = _NAN, marker: int = 0, updates: int = 1) -> None:
        """Writes the row of the update that has just completed and plans the next one.

        Args:
            rate: the learning rate.
            marker: how the step was delimited.
            updates: how many updates ran in one go and are told apart no further; the row bears the last one's number.
        """
        first = self.step == 0
        self.step += updates
        flags = self.flags | marker | self._turn()
        loss = _NAN
        if self.losses:
            flags |= LOSS
            loss = self.losses[-1][0]
            number, seed = self._loss_block(self._loss_dtype, len(self.losses))
            self._row.append((number, self.hash.digest(seed, b"".join([raw for _, raw in self.losses]))))
        if self._roots:
            self._add_roots()
        self._writer.row(self.step, flags, loss, rate, self._row)
        if flags & CORE and self._session.config.get("switches"):
            started = perf_counter()
            note_changes(self._session.whole)
            self.spent += perf_counter() - started
        self.budget.spend(flags & CORE, self.spent)
        self._clear()
        self.choose()
        if first:
            self._session.fire("steps")

    def _turn(self) -> int:
        """TURNS where the thread that made the update before this one is another, and trains on."""
        before, self._thread = self._thread, get_ident()
        return TURNS if before != self._thread and before in sys._current_frames() else 0

    def drop(self) -> None:
        """Forgets what was gathered of the step under way: it did not take place. The time it cost stays booked."""
        spent = self.spent
        self._clear()
        self.spent = spent

    def choose(self) -> None:
        """Plans the next step, and says after which one to ask again."""
        if self.spent:
            self.budget.spend(0, self.spent)
            self.spent = 0.0
        self.flags = self.budget.choose(self.step + 1)
        self.look_after = self.step + (0 if self.flags else self.budget.idle_steps(self.step + 1))
        if self._clock is not None and self.step:
            self._clock(self.step, perf_counter() - self.budget.spent)

    def passed(self, dtype: str) -> Callable[[int, float], None]:
        """A function that notes step and loss of a step of which nothing else is gathered.

        Args:
            dtype: of the loss, ``torch.float32`` or ``torch.float64``. Ask once for each.
        """
        self._loss_block(dtype, 1)
        return self._log(passed_file(dtype))

    def _log(self, name: str) -> Callable[[int, float], None]:
        log = PairLog(os.path.join(self._session.process.directory, name))
        self._logs.append(log)
        return log.append

    def _loss_block(self, dtype: str, count: int) -> tuple[int, Any]:
        """The block of ``count`` losses, and the prepared header of their digest."""
        known = self._loss_blocks.get((dtype, count))
        if known is None:
            seed = self.hash.prepare(array_header(dtype, [count]))
            known = self.block("loss", (Column("loss", "loss", dtype, str(count)),)), seed
            self._loss_blocks[dtype, count] = known
        return known

    def final(self, blocks: list[tuple[int, bytes]]) -> None:
        """Writes the state at exit as a row of its own."""
        self._writer.row(self.step, FINAL | MOMENTS, _NAN, _NAN, blocks)

    def close(self) -> None:
        """Closes the files, and gives back disk space that was reserved for rows that did not come."""
        for log in self._logs:
            log.close()
        self._rows.close()
        self._blocks.close()
