"""What recording costs: ratios of recorded to plain runs, measured side by side.

    python benchmarks/bench_overhead.py [--pairs N] [--quick]

Plain and recorded runs alternate, and each pair gives one ratio, so that a drift of the machine's speed falls on both.
A script prints the seconds of each of its own steps; importing PyTorch is not part of them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCRIPTS = Path(__file__).parent / "scripts"
ENVIRONMENT = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}


def plain(script: str, arguments: list[str], room: Path) -> list[float]:
    """Seconds of each step of a run without reprokit."""
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / script), *arguments], cwd=room, env=ENVIRONMENT, capture_output=True, check=True
    )
    return json.loads(done.stdout)["seconds"]


def recorded(script: str, arguments: list[str], room: Path, level: str) -> tuple[list[float], float | None]:
    """Seconds of each step of a recorded run, and what the observer itself booked."""
    bundle = room / "run.repro.tar.zst"
    command = [sys.executable, "-m", "reprokit", "record", "--json", "--trace", level, "-o", str(bundle), "--"]
    done = subprocess.run(
        [*command, sys.executable, str(SCRIPTS / script), *arguments],
        cwd=room, env=ENVIRONMENT, capture_output=True, check=True,
    )  # fmt: skip
    printed = [line for line in done.stderr.decode().splitlines() if line.startswith("{")]
    report = json.loads(done.stdout)
    return json.loads(printed[0])["seconds"], report["streams"][0].get("observer_seconds")


def overhead(name: str, script: str, arguments: list[str], level: str, pairs: int) -> None:
    """Prints the overhead of one script at one level."""
    ratios, medians, shares, step = [], [], [], 0.0
    with tempfile.TemporaryDirectory() as directory:
        for pair in range(pairs):
            order = [True, False] if pair % 2 else [False, True]
            times: dict[bool, list[float]] = {}
            for observe in order:
                if observe:
                    times[True], booked = recorded(script, arguments, Path(directory), level)
                    shares.append((booked or 0.0) / sum(times[True]))
                else:
                    times[False] = plain(script, arguments, Path(directory))
            ratios.append(sum(times[True]) / sum(times[False]))
            medians.append(statistics.median(times[True]) / statistics.median(times[False]))
            step = statistics.median(times[False])
    print(
        f"{name:<28} {level:<7} step {step * 1e3:7.2f} ms  whole loop x{statistics.median(ratios):.4f} "
        f"(from {min(ratios):.4f} to {max(ratios):.4f})  median step x{statistics.median(medians):.4f}  "
        f"booked by the observer {statistics.median(shares):.2%}  ({pairs} pairs)"
    )


def bootstrap(pairs: int) -> None:
    """Prints what arming adds to the start of a Python that imports no framework."""
    from reprokit.launch.recording import Observation, armed_environment, prepare

    added, ratio = [], []
    with tempfile.TemporaryDirectory() as directory:
        for number in range(pairs):
            recording = Path(directory) / str(number)
            prepare(recording, Observation(root=directory))
            seconds = []
            for environment in (ENVIRONMENT, armed_environment(dict(ENVIRONMENT), recording)):
                began = time.perf_counter()
                subprocess.run([sys.executable, "-c", "pass"], env=environment, check=True)
                seconds.append(time.perf_counter() - began)
            added.append(seconds[1] - seconds[0])
            ratio.append(seconds[1] / seconds[0])
    print(
        f"start of an empty Python     +{statistics.median(added) * 1e3:.1f} ms (x{statistics.median(ratio):.2f}), "
        f"limit 20 ms  ({pairs} pairs)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="short runs, for a look")
    given = parser.parse_args()
    bootstrap(4 * given.pairs)
    tiny, lm = (
        (["--steps", "500"], ["--steps", "6", "--batch", "9"])
        if given.quick
        else (["--steps", "30000"], ["--steps", "130", "--batch", "9"])
    )
    overhead("tiny model, 2 ms", "train_tiny.py", tiny, "budget", given.pairs)
    overhead("language model, 10.8 M", "train_lm.py", lm, "budget", given.pairs)
    overhead("language model, 10.8 M", "train_lm.py", lm, "full", given.pairs)


if __name__ == "__main__":
    main()
