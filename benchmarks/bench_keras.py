"""What recording costs in Keras's ``fit`` with default arguments, at a step of 50 ms and more: goal 2 % at most.

    python benchmarks/bench_keras.py [--pairs N] [--epochs N]

Plain and recorded runs alternate, and each pair gives one ratio. The first epoch, which compiles, is not counted.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

from bench_overhead import overhead


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=12)
    given = parser.parse_args()
    for level in ("budget", "full"):
        overhead("Keras fit, 2.6 M", "train_keras.py", ["--epochs", str(given.epochs)], level, given.pairs)


if __name__ == "__main__":
    main()
