"""Numbers the children that ``multiprocessing`` spawns, in the order in which their parent starts them.

Spawned children start side by side, and which of them says hello first changes from run to run. A key that depended on
it would compare one rank with another. So the parent tells each child its number through the environment, from which
the child takes it away before the script can see it.
"""

from __future__ import annotations

import os
from _thread import allocate_lock

TYPE_CHECKING = False  # typing costs 8 ms at start
if TYPE_CHECKING:
    from typing import Any

VARIABLE = "REPROKIT_SPAWNED"
_lock = allocate_lock()


def take_number() -> int:
    """The number that the parent gave this process, from 0; it is taken out of the environment."""
    text = os.environ.pop(VARIABLE, "")
    return int(text) if text.isdigit() else 0


def arm_spawning(util: Any) -> None:
    """Wraps the function of ``multiprocessing.util`` that starts interpreters.

    Other children that start at the same moment, in another thread, may inherit the variable: they drop it unread.
    """
    original = util.spawnv_passfds
    started: dict[int, int] = {}

    def spawnv_passfds(path: Any, args: Any, passfds: Any) -> Any:
        if not any("multiprocessing.spawn" in str(argument) for argument in args):
            return original(path, args, passfds)
        with _lock:
            pid = os.getpid()  # a forked child counts its own children
            number = started[pid] = started.get(pid, -1) + 1
            os.environ[VARIABLE] = str(number)
            try:
                return original(path, args, passfds)
            finally:
                os.environ.pop(VARIABLE, None)

    spawnv_passfds.__doc__ = original.__doc__
    util.spawnv_passfds = spawnv_passfds
