"""Replays one bundle again and again, each time under another set of switches."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from reprokit.compare.tiers import judge_run
from reprokit.errors import UnverifiedError, UsageError
from reprokit.launch.texts import raw_of
from reprokit.observe.reading import read_processes
from reprokit.policy.policies import Policy, calls_of, in_process, settled_environment, version_of
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
    from reprokit.observe.reading import ObservedProcess

_FRAME = re.compile(r'^ *File "([^"]+)", line (\d+)', re.MULTILINE)
_TAIL = 65536
_SHOWN = 300
_LAST = "end"  # the moment at which switches are read back for the last time


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
    recorded_policy: Policy

    def start(self, values: dict[str, Any], recorded_policy: Policy) -> None:
        """Settles what each switch is set to, and what the recorded policy had set."""
        self.values, self.recorded_policy = values, recorded_policy
        self._count = 0
        self._kept: dict[Names, list[_Kept]] = {}
        self._chosen = _policy(())
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
            self._chosen = _policy((name, self.values[name]) for name in names)
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
        processes = read_processes(room / "recording")
        trial = Trial(names, number, side.duration_s, exit_status=side.exit_status)
        if side.timed_out:
            shutil.rmtree(room, ignore_errors=True)
            failed = "" if by_budget else f"did not end within {self._own_timeout:g} s"
            return replace(trial, timed_out=by_budget, failed=failed)
        unheld = self._unheld(names, processes)
        if side.exit_status:
            failed = self._failure(room / "logs" / "stderr.txt", side.exit_status)
            shutil.rmtree(room, ignore_errors=True)
            return replace(trial, record=Tier.NONE, failed=failed, unheld=unheld)
        record = self._compared(self.recorded, side)
        kept = self._kept.setdefault(names, [])
        kin = tuple(self._compared(one.side, side).tier for one in kept)
        if len(kept) < KEPT and Tier.BITWISE not in kin:
            kept.append(_Kept(side, room))
            shutil.rmtree(room / "recording", ignore_errors=True)
        else:
            shutil.rmtree(room, ignore_errors=True)
        return replace(
            trial, training=training_seconds(processes), record=record.tier, ceiling=record.ceiling, kin=kin,
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

    def _unheld(self, names: Names, processes: list[ObservedProcess]) -> dict[str, str]:
        """Switches that were asked for and had another value at the first step or at the end, in any process."""
        found: dict[str, str] = {}
        for name in names:
            record, wanted = SWITCHES[name], self.values[name]
            for process in processes:
                for moment in ("first step", _LAST):
                    was = process.switches.get(moment, {}).get(name)
                    if was is not None and not record.holds(wanted, was):
                        found.setdefault(name, f"was {was} at the {moment}")
            if name not in found and not any(name in seen for p in processes for seen in p.switches.values()):
                found[name] = "no process of the script could read it back"
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

    def _environment(self) -> dict[str, str]:
        environment = super()._environment()
        for name, value in self.recorded_policy.switches.items():
            record = SWITCHES[name]
            if record.variable and environment.get(record.variable) == record.text(value):
                del environment[record.variable]
        return environment | settled_environment(self._chosen, environment)[0]

    def _observation(self, isolated: Isolated) -> Observation:
        plain = super()._observation(isolated)
        return replace(plain, clock=True, switches=calls_of(self._chosen), process_switches=in_process(self._chosen))


def _policy(switches: Any) -> Policy:
    values = dict(switches)
    return Policy("priced", version_of(values), values)
