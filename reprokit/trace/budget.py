"""How much of each step is digested, so that observing stays within a share of the run's time.

After *t* seconds of run, the observer may have spent ``max(GRACE + TRICKLE * t, SHARE * t)`` seconds: short runs are
digested whole out of the grace, and over a run of a minute or more all of it stays below one per cent. The hooks of an
undigested step (about 20 µs) are booked too, but cannot be saved: in steps shorter than 2 ms they alone exceed the
bound. What was chosen stands in each row; a replay follows that and not its own clock.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reprokit.trace.raw import CORE, ENTRY, MOMENTS, PLAN

if TYPE_CHECKING:
    from collections.abc import Callable

SHARE = 0.0095
TRICKLE = 0.005
GRACE_SECONDS = 0.2
MOMENTS_EVERY = 10
_LONGEST_IDLE = 64  # steps without a look at the clock
_MOST_ALLOWED = 0.5  # seconds
CHEAP_SECONDS = 0.001  # moments of a small model are read in every step while the grace lasts


@dataclass
class Budget:
    """Decides, before each step, which parts of it are digested.

    Args:
        level: ``budget``, ``full`` (everything in every step) or ``light`` (as ``budget``, no moments, roots only).
        plan: the flags of each recorded step, when this is a replay.
        share: seconds of digesting allowed per second of run.
        grace: seconds of digesting allowed at once.
        clock: seconds since some fixed moment.
    """

    level: str = "budget"
    plan: bytes | None = None
    share: float = SHARE
    grace: float = GRACE_SECONDS
    clock: Callable[[], float] = time.perf_counter
    spent: float = 0.0
    _started: float = field(init=False)
    _costs: dict[int, float] = field(default_factory=dict)
    _idle_until: float = 0.0
    _allowed: float = 0.0

    def __post_init__(self) -> None:
        self._started = self.clock()

    def choose(self, step: int) -> int:
        """The flags of step ``step`` (from 1): a union of CORE, ENTRY and MOMENTS."""
        if self.plan is not None:
            return self.plan[step - 1] & PLAN if step <= len(self.plan) else CORE
        if self.level == "full":
            return PLAN
        wanted = CORE if self.level == "light" else PLAN
        elapsed = self.clock() - self._started
        if elapsed < self._idle_until:
            return 0
        left = max(self.grace + TRICKLE * elapsed, self.share * elapsed) - self.spent
        generous = left > self.grace / 2
        flags = 0
        if left < self._costs.get(CORE, 0.0):
            due = self.spent + self._costs[CORE]
            self._idle_until = min((due - self.grace) / TRICKLE, due / self.share)
        else:
            flags |= CORE
            left -= self._costs.get(CORE, 0.0)
            cheap = self._costs.get(MOMENTS, 0.0) <= CHEAP_SECONDS
            if (generous and cheap) or step == 1 or step % MOMENTS_EVERY == 0:
                flags |= MOMENTS
            if generous or left > 2 * self._costs.get(ENTRY, 0.0) + self._costs.get(MOMENTS, 0.0):
                flags |= ENTRY
        return flags & wanted

    def idle_steps(self, step: int) -> int:
        """For how many steps, from ``step`` on, nothing has to be chosen anew, when `choose` said 0 for ``step``.

        At least 1. It looks half way ahead, so that steps which become longer do not leave a long gap.
        """
        if self.plan is not None:
            ahead = self.plan[step : step + _LONGEST_IDLE]
            return next((at for at, flags in enumerate(ahead, 1) if flags & PLAN), max(1, len(ahead)))
        elapsed = self.clock() - self._started
        return max(1, min(_LONGEST_IDLE, int((self._idle_until - elapsed) * step / (2 * elapsed + 1e-9))))

    def allow(self, seconds: float) -> None:
        """Adds to the grace what was spent once and not on digests, such as a search for the names of parameters."""
        self.grace += min(seconds, _MOST_ALLOWED - self._allowed)
        self._allowed = min(_MOST_ALLOWED, self._allowed + seconds)

    def spend(self, kind: int, seconds: float) -> None:
        """Books time spent on CORE, ENTRY or MOMENTS digests in one step, or (kind 0) on a step without any."""
        self.spent += seconds
        known = self._costs.get(kind)
        self._costs[kind] = seconds if known is None else 0.8 * known + 0.2 * seconds
