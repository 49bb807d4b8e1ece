"""Children of ``multiprocessing``: spawned ones get numbers, forked ones close their traces.

Spawned children start side by side, and which of them says hello first changes from run to run. A key that depended on
it would compare one rank with another. So the parent tells each child its number through the environment, from which
the child takes it away before the script can see it.

Forked children end by ``os._exit``, which passes ``atexit`` by; `multiprocessing` calls its own finalizers before it.
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
    return int(text) if text.isdecimal() else 0


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


def arm_forking(util: Any, session: Any) -> None:
    """Lets a forked child that trained close its trace, when everything else of it has ended.

    Other children, such as the workers of a data loader, have no trace: for them nothing is done.
    """

    def close() -> None:
        if "steps" in session.fired:
            session.close()

    def bind(_session: Any) -> None:
        util.Finalize(None, close, exitpriority=-1000)  # in the child: the parent's finalizers have been cleared

    util.register_after_fork(session, bind)
