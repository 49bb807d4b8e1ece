"""Replays one bundle again and again, each time under another set of switches."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from reprokit.compare.tiers import judge_run
from reprokit.errors import UnverifiedError, UsageError
from reprokit.launch.policies import trained, undone
from reprokit.launch.replay_policy import ReplayPolicy
from reprokit.launch.texts import raw_of
from reprokit.observe.reading import read_processes
from reprokit.policy.policies import Policy, version_of
from reprokit.policy.switches import SWITCHES
from reprokit.schema.tiers import Tier
from reprokit.verbs.compare import compare_sides
from reprokit.verbs.pricing.ledger import BASELINE, KEPT, Names, Trial
from reprokit.verbs.pricing.timing import training_seconds
from reprokit.verbs.replay import Replaying

if TYPE_CHECKING:
    from pathlib import Path

    from reprokit.compare.tiers import RunJudgement
    from reprokit.launch.isolation import Isolated
    from reprokit.launch.recording import Observation
    from reprokit.launch.sides import Side
    from reprokit.schema.manifest import TraceSummary

_FRAME = re.compile(r'^ *File "([^"]+)", line (\d+)', re.MULTILINE)
_TAIL = 65536
_SHOWN = 300


@dataclass
class _Kept:
    """A replay that others of its set are compared with."""

    side: Side
    room: Path


class PricedReplays(Replaying):
    """The replays of one bundle under changing sets of switches.

    The baseline is the recorded run without the switches that its policy set: its environment, its random states and
    its plan of digests stay.
    """

    values: dict[str, Any]

    def start(self, values: dict[str, Any]) -> None:
        """Settles what each switch is set to."""
        self.values = values
        self._count = 0
        self._kept: dict[Names, list[_Kept]] = {}
        self._own_timeout = self.options.timeout or self.config.timeout

    def trial(self, names: Names, number: int, limit: float) -> Trial:
        """Runs the command once.

        Args:
            names: the switches that are on.
            number: the round.
            limit: seconds after which it is stopped.

        Raises:
            UnverifiedError: it cannot be run here, whatever the switches.
            KeyboardInterrupt: it was interrupted.
        """
        try:
            self.policy = ReplayPolicy(_policy({name: self.values[name] for name in names}), self.manifest)
        except UsageError as error:  # two of them contradict each other
            return Trial(names, number, 0.0, exit_status=None, failed=error.message)
        self._count += 1
        room = self.room / f"run-{self._count}"
        timeout = min(limit, self._own_timeout or limit)
        self.options = replace(self.options, timeout=timeout)
        begin = time.monotonic()
        try:
            side = self.run(self._count)
        except UnverifiedError as error:
            if not names:
                raise
            shutil.rmtree(room, ignore_errors=True)
            return Trial(names, number, time.monotonic() - begin, exit_status=None, failed=error.message)
        return self._judged(names, number, side, room, by_budget=timeout == limit)

    def _judged(self, names: Names, number: int, side: Side, room: Path, *, by_budget: bool) -> Trial:
        training = training_seconds(read_processes(room / "recording"))
        trial = Trial(names, number, side.duration_s, training, exit_status=side.exit_status)
        if side.timed_out:
            shutil.rmtree(room, ignore_errors=True)
            failed = "" if by_budget else f"did not end within {self._own_timeout:g} s"
            return replace(trial, timed_out=by_budget, failed=failed)
        unheld = self._unheld(names, [stream.summary for stream in side.streams.values()])
        if side.exit_status:
            failed = self._failure(room / "logs" / "stderr.txt", side.exit_status)
            shutil.rmtree(room, ignore_errors=True)
            return replace(trial, record=Tier.NONE, failed=failed, unheld=unheld)
        record = self._compared(self.recorded, side)
        kept = self._kept.setdefault(names, [])
        kin = tuple(self._compared(one.side, side).tier for one in kept)
        if len(kept) < KEPT and Tier.BITWISE not in kin:
            kept.append(_Kept(side, room))
        else:
            shutil.rmtree(room, ignore_errors=True)
        return replace(
            trial, record=record.tier, ceiling=record.ceiling, kin=kin,
            detail=record.reason, unheld=unheld,
        )  # fmt: skip

    def _compared(self, first: Side, side: Side) -> RunJudgement:
        return judge_run(compare_sides(first, side, self.config, self._count).evidence)

    def _failure(self, log: Path, status: int) -> str:
        """The last line of what the script complained of, and the user's line that it came from."""
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            text = file.read().decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        root = raw_of(self.manifest.run.root)
        frames = [(path, line) for path, line in _FRAME.findall(text) if path.startswith((root, str(self.room)))]
        place = f" ({frames[-1][0].rpartition('/')[2]}:{frames[-1][1]})" if frames else ""
        return f"{lines[-1][:_SHOWN]}{place}" if lines else f"ended with status {status}"

    def _unheld(self, names: Names, streams: list[TraceSummary]) -> dict[str, str]:
        """Switches that were asked for and could not be set, were undone, or did not meet their framework."""
        found: dict[str, str] = {}
        for stream in trained(streams):
            for name, was, when in undone(self.policy.policy, stream):
                found[name] = f"was {was} {when}"
            found |= {name: why for name, why in stream.switches_refused.items() if name in names}
        for name in names:
            record = SWITCHES[name]
            seen = any(
                record.how != "call" or any(known.startswith(f"{record.framework}.") for known in values)
                for stream in trained(streams)
                for values in (stream.switches, stream.switches_at_exit) if values
            )  # fmt: skip
            if not seen and record.variable is None:
                found.setdefault(name, "no process was seen in which it could be set")
        return found

    @property
    def steps(self) -> int:
        """The updates of the recorded training."""
        return max((stream.summary.steps for stream in self.recorded.streams.values()), default=0)

    def scope(self) -> dict[str, Any]:
        """The machine, and how it differs from that of the record."""
        kept = self._kept.get(BASELINE, [])
        found = self._scope([kept[0].side] if kept else [], [])
        return {name: found[name] for name in ("machine", "fingerprint", "isolation")}

    def _observation(self, isolated: Isolated) -> Observation:
        return replace(super()._observation(isolated), clock=True)


def _policy(switches: dict[str, Any]) -> Policy:
    return Policy("priced", version_of(switches), switches)
