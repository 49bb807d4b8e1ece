"""Checks of values: a thousand against a baseline, and one of a gibibyte beside reading it once.

``python benchmarks/bench_checks.py``. The claims: a thousand checks under 2 s; a check of 1 GiB within twice the time
of reading it once, which is here the largest element of the same bytes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from reprokit.checks.baselines import Mode, TestBaseline
from reprokit.checks.fingerprints import here
from reprokit.compare.values import digest, flatten

CHECKS = 1000
GIBIBYTE = 1 << 30


def best(call, rounds: int = 3) -> float:
    """The shortest time of a few calls, in seconds."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def check_all(directory: Path, mode: Mode, values: dict) -> None:
    baseline = TestBaseline(directory, "bench.py::test", here(), mode=mode)
    for name, value in values.items():
        baseline.check(name, value)
    baseline.finish()


def check_each(directory: Path, mode: Mode, values: dict) -> None:
    for name, value in values.items():
        baseline = TestBaseline(directory, f"bench.py::test[{name}]", here(), mode=mode)
        baseline.check("value", value)
        baseline.finish()


def main() -> int:
    rng = np.random.default_rng(0)
    values = {f"check{n}": {"w": rng.standard_normal((16, 16)), "loss": float(n)} for n in range(CHECKS)}
    with tempfile.TemporaryDirectory() as name:
        one, each = Path(name, "one"), Path(name, "each")
        print(f"{CHECKS} checks in one test, written     {best(lambda: check_all(one, Mode.UPDATE, values), 1):8.3f} s")
        in_one = best(lambda: check_all(one, Mode.CHECK, values))
        print(f"{CHECKS} checks in one test, compared    {in_one:8.3f} s")
        print(
            f"{CHECKS} tests of one check, written     {best(lambda: check_each(each, Mode.UPDATE, values), 1):8.3f} s"
        )
        in_each = best(lambda: check_each(each, Mode.CHECK, values))
        print(f"{CHECKS} tests of one check, compared    {in_each:8.3f} s")
    array = np.empty(GIBIBYTE // 4, np.float32)
    array[:] = 1.5
    bits = array.view(np.uint64)
    read = best(bits.max)
    with tempfile.TemporaryDirectory() as name:
        check_all(Path(name), Mode.UPDATE, {"large": array})
        check = best(lambda: check_all(Path(name), Mode.CHECK, {"large": array}))
    print(f"1 GiB read once                       {read:8.3f} s")
    print(f"1 GiB digested                        {best(lambda: digest(flatten(array)[''])):8.3f} s")
    print(f"1 GiB checked                         {check:8.3f} s, {check / read:.2f} times reading it")
    met = in_one < 2 and in_each < 2 and check < 2 * read
    print("met" if met else "NOT MET")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
