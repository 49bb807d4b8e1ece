"""Rounds of boosting, as XGBoost and LightGBM make them: a row for each ``Booster.update``.

A row holds the trees of its round alone, so that a thousand rounds cost a thousand trees and not a million. Rows stand
in a stream of their own, ``SCRIPT/xgboost`` or ``SCRIPT/lightgbm``. A model of which the budget left rounds out is
digested whole when the next one begins, and at exit, unless it is gone by then.
"""

from __future__ import annotations

import functools
import sys
import threading
import weakref
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from reprokit.trace.raw import CORE, Column

if TYPE_CHECKING:
    from reprokit.observe.start import Session

_NUMBERED = 32  # boosters that are told apart by their number


class Library(Protocol):
    """What differs between the libraries. No function changes the booster that it reads."""

    name: str

    def data(self, booster: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[str, bytes]]:
        """Name and content of what a round is given, on a booster's first round."""

    def settings(self, booster: Any) -> str:
        """Everything that the booster was told."""

    def last_round(self, booster: Any) -> bytes:
        """The trees of the round that has just been made."""

    def whole(self, booster: Any) -> bytes:
        """All trees."""


class RoundObserver:
    """Observes the rounds of one library. Every hook catches its own failures and then switches the observer off."""

    def __init__(self, library: Library, session: Session) -> None:
        self.library = library
        self.session = session
        self.on = True
        self._reset()

    def _reset(self) -> None:
        self._stream: Any = None
        self._known: dict[int, tuple[Any, str]] = {}
        self._count = 0
        self._depth = 0
        self._left_out: dict[str, Any] = {}  # boosters with rounds of which nothing was digested, weakly
        self._before: list[tuple[str, list[tuple[Column, bytes]]]] = []

    def arm(self, kind: Any, methods: tuple[str, ...]) -> None:
        """Wraps the methods of the booster's class that make a round."""
        for name in methods:
            setattr(kind, name, self._wrapped(getattr(kind, name)))

    def forked(self) -> None:
        """A forked child has streams of its own."""
        self._reset()

    def begin(self) -> None:
        """A run begins in a process that may have seen others."""
        self._reset()
        self.on = True

    def stop(self) -> None:
        """Observes no more."""
        self.on = False

    def close(self) -> None:
        """At exit: ends the stream."""
        if self._stream is not None:
            if self.on and not self._stream.recorder.light:
                self._guarded(self._write_last)
            self._stream.note("cost", f"{self._stream.recorder.budget.spent:.6f}")
            self._stream.close()
            self._stream = None

    def _wrapped(self, original: Any) -> Any:
        @functools.wraps(original)
        def update(booster: Any, /, *args: Any, **kwargs: Any) -> Any:
            if not self._wanted():
                return original(booster, *args, **kwargs)
            self._guarded(self._enter, booster, args, kwargs)
            self._depth += 1
            try:
                result = original(booster, *args, **kwargs)
            finally:
                self._depth -= 1
            self._guarded(self._leave, booster)
            return result

        return update

    def _wanted(self) -> bool:
        if not self.on or self._depth or threading.current_thread() is not threading.main_thread():
            return False
        process = sys.modules.get("multiprocessing.process")
        return process is None or process.parent_process() is None

    def _guarded(self, function: Any, *arguments: Any) -> None:
        if not self.on:
            return
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the script must not see it
            self.stop()
            self.session.failed(self.library.name, error)

    def _enter(self, booster: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self._stream is None:
            self._stream = self.session.beside(self.library.name)
        started = perf_counter()
        recorder = self._stream.recorder
        known = self._known.get(id(booster))
        new = known is None or known[0]() is not booster
        self._before = []
        if new and self._left_out and (found := self._whole()):
            recorder.add(*self._block("entry", found))
        if recorder.flags & CORE:
            names, digests = recorder.generators.digests(recorder.hash, [])
            columns = [Column(f"before forward/{name}", f"{name} (before the round)") for name in names]
            self._before.append(("rng", list(zip(columns, digests, strict=True))))
            if new:
                label = self._label(booster)
                given = self.library.data(booster, args, kwargs)
                self._before.append(("batch", [self._column(f"{label}({name})", data) for name, data in given]))
        recorder.spent += perf_counter() - started

    def _whole(self) -> list[tuple[Column, bytes]]:
        """Models of which rounds were left out, as they are now."""
        left_out, self._left_out = self._left_out, {}
        alive = [(label, booster) for label, known in left_out.items() if (booster := known()) is not None]
        return [self._column(f"{label}: all trees", self.library.whole(booster)) for label, booster in alive]

    def _write_last(self) -> None:
        if found := self._whole():
            self._stream.recorder.final([self._block("parameters", found)])

    def _block(self, part: str, found: list[tuple[Column, bytes]]) -> tuple[int, bytes]:
        number = self._stream.recorder.block(part, tuple(column for column, _ in found))
        return number, b"".join(digest for _, digest in found)

    def _leave(self, booster: Any) -> None:
        started = perf_counter()
        recorder = self._stream.recorder
        if not recorder.flags & CORE:
            label = self._label(booster)
            self._left_out[label] = self._known[id(booster)][0]
        if recorder.flags & CORE:
            label = self._label(booster)
            parts = [
                *self._before,
                ("lr", [self._column(f"{label}: settings", self.library.settings(booster).encode())]),
                ("parameters", [self._column(f"{label}.trees", self.library.last_round(booster))]),
            ]
            for part, found in parts:
                if found:
                    recorder.add(*self._block(part, found), part)
        recorder.spent += perf_counter() - started
        recorder.end_step()
        self._stream.fire(f"{self.library.name}.update")
        self.session.fire(f"{self.library.name}.update")

    def _column(self, name: str, data: bytes) -> tuple[Column, bytes]:
        hasher = self._stream.recorder.hash
        return Column(name, name, "bytes"), hasher.digest(hasher.prepare(b"bytes|"), data)

    def _label(self, booster: Any) -> str:
        known = self._known.get(id(booster))
        if known is None or known[0]() is not booster:
            self._count += 1
            number = str(self._count) if self._count <= _NUMBERED else f"{_NUMBERED}+"
            known = self._known[id(booster)] = (weakref.ref(booster), f"Booster#{number}")
        return known[1]
