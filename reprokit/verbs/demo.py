"""The main job, once through, on real data: record, replay, verdict, badge, and a planted fault that must be caught."""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import reprokit
from reprokit.errors import UsageError
from reprokit.launch.plan import RecordOptions
from reprokit.launch.writing import write_atomically
from reprokit.report.badge import badge_svg
from reprokit.verbs.record import record
from reprokit.verbs.replay import ReplayOptions, replay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reprokit.schema.record import RecordReport
    from reprokit.schema.verdict import Verdict

FRAMEWORKS = ("torch", "sklearn", "numpy")
"""In order of how much of a run reprokit sees with each."""

NUDGED_STEP = 17


@dataclass(frozen=True)
class Demo:
    """What the demo made and found. ``fault`` is the verdict on a run in which one weight was moved by one ULP."""

    framework: str
    directory: Path
    bundle: Path
    badge: Path
    report: RecordReport
    verdict: Verdict
    fault: Verdict

    @property
    def succeeded(self) -> bool:
        """Whether the replay was bitwise, and the planted fault was caught where it was planted."""
        found = self.fault.divergence
        placed = self.framework != "torch" or (found is not None and found.step == NUDGED_STEP)
        return self.verdict.met and not self.fault.met and found is not None and placed


def best_framework() -> str:
    """The first of `FRAMEWORKS` that is installed."""
    return next(name for name in FRAMEWORKS if find_spec(name) is not None)


def demo(directory: Path | None, framework: str | None, runs: int, say: Callable[[str], None]) -> Demo:
    """Runs the demo.

    Args:
        directory: where; a new ``reprokit-demo`` below the working directory by default.
        framework: one of `FRAMEWORKS`; the best that is installed by default.
        runs: how many replays.
        say: is told what happens next.

    Raises:
        UsageError: RPK005, the directory is not empty or cannot be made.
    """
    framework = framework or best_framework()
    room = _room(directory)
    shutil.copyfile(Path(reprokit.__file__).parent / "demo" / f"train_{framework}.py", room / "train.py")
    train = [sys.executable, "train.py"]
    bundle, badge = room / "train.repro.tar.zst", room / "badge.svg"
    with _inside(room):
        say(f"recording train.py ({framework})")
        report = record(train, RecordOptions(output=bundle, stdout=None, stderr=None))
        say(f"replaying it {runs} times")
        verdict = replay(bundle, ReplayOptions(runs=runs))
        say("replaying it with one weight moved by one unit in the last place, which must be caught")
        fault = replay(bundle, ReplayOptions(extra=("--nudge", str(NUDGED_STEP))))
    write_atomically(room / "verdict.json", json.dumps(verdict.to_json(), indent=2).encode())
    write_atomically(badge, badge_svg(verdict).encode())
    return Demo(framework, room, bundle, badge, report, verdict, fault)


def _room(directory: Path | None) -> Path:
    candidates = [directory] if directory else [Path(f"reprokit-demo{f'-{i}' if i else ''}") for i in range(1000)]
    for candidate in candidates:
        if directory is None and candidate.exists():
            continue
        try:
            candidate.mkdir(parents=True, exist_ok=directory is not None)
        except OSError as error:
            raise UsageError("RPK005", f"cannot make {candidate}: {error.strerror}") from None
        if any(candidate.iterdir()):
            raise UsageError("RPK005", f"{candidate} is not empty", "Name a new directory.")
        return candidate.resolve()
    raise UsageError("RPK005", "there are 1,000 demos here already")


@contextmanager
def _inside(directory: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)
