"""What the pytest plugin costs: unused, at `--collect-only`; and a marked NumPy test, in starts of an interpreter.

    python benchmarks/bench_plugin.py [--rounds N]

Rounds alternate between the sides, so that a drift of the machine's speed falls on both.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Loaded as in a user's environment, by its entry point: looking for entry points is not ours, pytest always does it.
OTHERS = ("randomly", "benchmark", "rerunfailures", "asyncio", "hypothesispytest", "cov", "html", "metadata", "forked",
          "xdist", "xdist.looponfail", "platformdirs")  # fmt: skip
ALONE = tuple(word for name in OTHERS for word in ("-p", f"no:{name}"))
WITHOUT = (*ALONE, "-p", "no:reprokit")
PLAIN = "def test_it():\n    assert 1\n"
NUMPY = """
import numpy as np
import pytest

{mark}
def test_it():
    value = np.random.default_rng(0).normal(size=100).sum()
    assert value
    {end}
"""


def seconds(directory: Path, *arguments: str) -> float:
    """The wall time of one pytest session."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or every session compiles what no other one may keep
    begin = time.perf_counter()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    spent = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return spent


def alternate(rounds: int, sides: dict[str, tuple[Path, tuple[str, ...]]]) -> dict[str, list[float]]:
    """Times of each side, after one round that fills caches."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, (directory, arguments) in sides.items():
            spent = seconds(directory, *arguments)
            if number:
                found[name].append(spent)
    return found


def unused(top: Path, rounds: int) -> None:
    (top / "unused").mkdir()
    (top / "unused" / "test_a.py").write_text(PLAIN)
    where = top / "unused"
    sides = {"without": (where, ("--collect-only", *WITHOUT)), "with": (where, ("--collect-only", *ALONE))}
    times = alternate(rounds, sides)
    added = [b - a for a, b in zip(times["without"], times["with"], strict=True)]
    before = statistics.median(times["without"])
    print(f"collect-only without the plugin   {1000 * before:7.1f} ms")
    print(f"  the unused plugin adds          {1000 * statistics.median(added):7.1f} ms   (budget 10 ms)")


def marked(top: Path, rounds: int) -> None:
    for name, mark, end in (("plain", "", ""), ("marked", "@pytest.mark.repro(runs=2)", "return value")):
        (top / name).mkdir()
        (top / name / "test_a.py").write_text(NUMPY.format(mark=mark, end=end))
    times = alternate(rounds, {"plain": (top / "plain", ALONE), "marked": (top / "marked", ALONE)})
    plain = statistics.median(times["plain"])
    added = statistics.median([b - a for a, b in zip(times["plain"], times["marked"], strict=True)])
    print(f"a NumPy test                      {1000 * plain:7.1f} ms")
    print(f"  marked, runs=2, adds            {1000 * added:7.1f} ms = {added / plain:.2f} such sessions   (budget 2)")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        unused(Path(name), rounds)
        marked(Path(name), rounds)


if __name__ == "__main__":
    main()
