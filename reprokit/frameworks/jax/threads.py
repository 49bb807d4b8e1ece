"""Calls outside of the thread that is observed.

A script may train in a thread of its own: the first one in which gradients are taken is observed. Where a second one
takes gradients too, which of them came first is a matter of chance and the steps of the other are in no trace: that is
said, as an observer that is off, so that nothing is claimed of them.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.frameworks.jax.jitted import Seen
    from reprokit.frameworks.jax.steps import JaxObserver


class OtherThreads:
    """Calls functions in threads that are not observed."""

    def __init__(self, observer: JaxObserver) -> None:
        self._observer = observer
        self._stacks: dict[int, list[Seen]] = {}
        self._trainers: set[int] = set()

    def call(self, seen: Seen, function: Any, args: Any, kwargs: Any) -> Any:
        """Calls ``function``; notes whether gradients are taken."""
        stack = self._stacks.setdefault(threading.get_ident(), [])
        if seen.differentiates and not self._observer.recorder.outer:
            for outer in stack:
                outer.differentiates = True
            self._trains()
        stack.append(seen)
        try:
            return function(*args, **kwargs)
        finally:
            stack.pop()

    def _trains(self) -> None:
        observer, thread = self._observer, threading.get_ident()
        self._trainers.add(thread)
        idle = not (observer.recorder.step or observer.open or observer.stack)
        if idle and len(self._trainers) == 1:
            observer.thread = thread
        else:
            several = RuntimeError("gradients are taken in several threads, of which only one is observed")
            observer.session.failed("jax.threads", several)
