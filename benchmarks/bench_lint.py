"""`reprokit lint` over a tree of 100,000 lines of real code, beside parsing the same tree: the ratio is what it adds.

The tree is a copy of installed packages (the standard library where there is nothing else), cut at 100,000 lines. Run:
python benchmarks/bench_lint.py [LINES]
"""

import ast
import compileall
import os
import resource
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

LINES = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
ROUNDS = 3


def tree(target: Path) -> int:
    """Copies real packages until there are enough lines."""
    site, stdlib = Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("stdlib"))
    count = 0
    for number, source in enumerate(
        path for name in ("torch/optim", "torch/utils", "torch/nn", "sklearn", "keras", "lightning", "")
        for path in sorted((site / name if name else stdlib).rglob("*.py"))
        if name or "site-packages" not in path.parts
    ):  # fmt: skip
        if count >= LINES:
            break
        data = source.read_bytes()
        folder = target / str(number % 40)
        folder.mkdir(exist_ok=True)
        (folder / f"m{number}.py").write_bytes(data)
        count += data.count(b"\n")
    return count


def timed(action) -> tuple[float, float]:
    """Seconds by the clock, and of the processors: on a shared machine these say more."""
    before, start = used(), time.perf_counter()
    action()
    return time.perf_counter() - start, used() - before


def used() -> float:
    """Processor seconds of this process and of those that it started."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)


def parse(top: Path) -> None:
    """What any reader of the tree has to do, in one process."""
    for path in sorted(top.rglob("*.py")):
        ast.parse(path.read_bytes())


def lint(top: Path) -> None:
    """The command, with the start of the interpreter."""
    done = subprocess.run(
        [sys.executable, "-m", "reprokit", "lint", str(top), "--json"], capture_output=True, check=False
    )
    assert done.returncode in {0, 1}, done.stderr


def compile_all(top: Path) -> None:
    """`python -m compileall`, in as many processes as there are processors."""
    compileall.compile_dir(str(top), quiet=2, force=True, workers=len(os.sched_getaffinity(0)))


def main() -> None:
    """Prints seconds and ratios, the three taken in turns."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        lines = tree(top)
        taken: dict[str, list[tuple[float, float]]] = {"ast.parse": [], "compileall": [], "reprokit lint": []}
        for _round in range(ROUNDS):
            for name, action in (("ast.parse", parse), ("compileall", compile_all), ("reprokit lint", lint)):
                taken[name].append(timed(lambda action=action: action(top)))
            for cache in top.rglob("__pycache__"):
                shutil.rmtree(cache)
        base = statistics.median(cpu for _clock, cpu in taken["ast.parse"])
        print(f"{lines} lines in {len(list(top.rglob('*.py')))} files, {len(os.sched_getaffinity(0))} processors, load "
              f"{os.getloadavg()[0]:.1f}")  # fmt: skip
        for name, values in taken.items():
            clock = [seconds for seconds, _cpu in values]
            cpu = statistics.median(seconds for _clock, seconds in values)
            between = f"{min(clock):5.2f} to {max(clock):5.2f} s"
            print(f"{name:14} {between}, {cpu:5.2f} processor s, {cpu / base:.2f} x ast.parse")
        print("target: under 5 s on 2 processors")


if __name__ == "__main__":
    main()
