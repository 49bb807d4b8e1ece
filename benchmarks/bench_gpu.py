"""What recording costs on a GPU: steps with and without reprokit, in processes of their own, interleaved.

Prints one line a model and trace level: time a step without and with, and their ratio, over the second half of the run.
The first 0.2 s that digests may take whatever the run's length are spent by then. Needs a GPU.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPT = """
import sys, time, json, torch
from torch import nn
width, layers, steps = map(int, sys.argv[1:4])
torch.manual_seed(0)
model = nn.Sequential(*[m for _ in range(layers) for m in (nn.Linear(width, width), nn.ReLU())]).cuda()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
x = torch.randn(64, width, device="cuda")
for step in range(2 * steps):
    if step == steps:
        torch.cuda.synchronize(); began = time.perf_counter()
    loss = (model(x) - x).square().mean()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
torch.cuda.synchronize()
json.dump((time.perf_counter() - began) / steps, open(sys.argv[4], "w"))
"""
MODELS = {
    "tiny (4 layers of 256)": (256, 4, 3000),
    "small (12 of 2048, 50 M)": (2048, 12, 1000),
    "large (12 of 8192, 805 M)": (8192, 12, 60),
}


def once(arguments: tuple[int, ...], options: list[str] | None) -> float:
    with tempfile.TemporaryDirectory() as room:
        Path(room, "train.py").write_text(SCRIPT)
        command = [sys.executable, "train.py", *map(str, arguments), "seconds.json"]
        if options is not None:
            reprokit = str(Path(sys.executable).parent / "reprokit")
            command = [reprokit, "record", "-o", "b.repro.tar.zst", *options, "--", *command]
        environment = {**os.environ, "REPROKIT_HOME": str(Path(room, "home"))}
        subprocess.run(command, cwd=room, check=True, capture_output=True, env=environment)
        return float(json.loads(Path(room, "seconds.json").read_text()))


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    import torch

    if not torch.cuda.is_available():
        print("bench_gpu: PyTorch sees no GPU here; nothing was measured")
        return
    print(torch.cuda.get_device_name(), torch.__version__)
    for name, arguments in MODELS.items():
        found: dict[str, list[float]] = {"plain": [], "default": [], "full": []}
        for _ in range(rounds):
            for level, options in (("plain", None), ("default", []), ("full", ["--trace", "full"])):
                steps = arguments[2] // (20 if level == "full" else 1)  # every step is digested: few will do
                found[level].append(once((*arguments[:2], steps), options))
        plain = statistics.median(found["plain"])
        for level in ("default", "full"):
            ratios = [b / a for a, b in zip(found["plain"], found[level], strict=True)]
            print(
                f"{name:28} {level:8} {plain * 1e3:8.3f} -> {statistics.median(found[level]) * 1e3:8.3f} ms a step, "
                f"x{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
            )


if __name__ == "__main__":
    main()
