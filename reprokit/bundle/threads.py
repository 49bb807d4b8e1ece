"""How many threads to use, and keeping them busy without piling up results."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future, ThreadPoolExecutor

_T = TypeVar("_T")
_R = TypeVar("_R")

_MOST = 16
_AHEAD = 3


def processors() -> int:
    """How many processors this process may run on, 16 at most: beyond, reading is what takes the time."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), _MOST)
    return min(os.cpu_count() or 1, _MOST)


def ahead(pool: ThreadPoolExecutor, work: Callable[[_T], _R], values: Iterable[_T], most: int = _AHEAD) -> Iterator[_R]:
    """Maps values in order, like `pool.map`, with at most `most` results waiting or in the making."""
    waiting: deque[Future[_R]] = deque()
    try:
        for value in values:
            waiting.append(pool.submit(work, value))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
