"""How fast the command line answers, beside a bare ``python -c 'import click'`` in the same run.

python benchmarks/bench_cli.py [--rounds N]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

REPROKIT = str(Path(sys.executable).parent / "reprokit")


def seconds(command: list[str]) -> float:
    """Processor seconds of a command: on a shared machine they say more than the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as directory:
        room = Path(directory)
        (room / "write.py").write_text("open('out.txt', 'w').write('x')\n")
        bundle = room / "write.repro.tar.zst"
        subprocess.run(
            [REPROKIT, "record", "-o", str(bundle), "--", sys.executable, "write.py"],
            cwd=room, capture_output=True, check=True,
        )  # fmt: skip
        commands = {
            "bare": [sys.executable, "-c", "import click"],
            "--version": [REPROKIT, "--version"],
            "inspect": [REPROKIT, "inspect", str(bundle)],
            "--help": [REPROKIT, "--help"],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                taken[name].append(seconds(command))
    for name, limit in (("--version", 1.5), ("--help", None), ("inspect", 3.0)):
        ratios = [a / b for a, b in zip(taken[name], taken["bare"], strict=True)]
        said = f", limit x{limit}" if limit else ""
        print(
            f"reprokit {name:<10} x{statistics.median(ratios):.2f} of a bare import of click "
            f"(from {min(ratios):.2f} to {max(ratios):.2f}){said}; {statistics.median(taken[name]) * 1e3:.0f} ms"
        )


if __name__ == "__main__":
    main()
