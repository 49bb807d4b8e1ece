"""What the hooks add to a training step that is not digested: blocks of steps with and without them, in one process.

    python benchmarks/bench_hooks.py [--blocks N]

Blocks alternate, so that a drift of the machine's speed falls on both. The plain blocks run without any patch.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # before torch is imported

STEPS = 20


def armed(directory: Path) -> None:
    """Arms this process as a recorded one is."""
    from reprokit.launch.recording import Observation, prepare
    from reprokit.observe import start

    prepare(directory, Observation(root=str(directory), frameworks={"torch": "reprokit.frameworks.torch"}))
    start.arm(str(directory))


def training(hidden: int) -> Callable[[], None]:
    """A function that does one training step."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    first, second, last = nn.Linear(256, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, 10)
    model = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    x, y = torch.randn(4096, 256), torch.randint(10, (4096,))

    def step() -> None:
        batch = torch.randint(4096, (96,))
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def switch() -> Callable[[bool], None]:
    """A function that takes the hooks away, or puts them back."""
    import torch
    from torch.optim import optimizer

    module, hooks = torch.nn.Module, optimizer._global_optimizer_post_hooks
    ours = module.__call__, torch.autograd.backward, dict(hooks)

    def hooked(on: bool) -> None:  # noqa: FBT001 - a switch
        module.__call__ = ours[0] if on else module._wrapped_call_impl
        torch.autograd.backward = ours[1] if on else ours[1].__wrapped__
        hooks.clear()
        hooks.update(ours[2] if on else {})

    return hooked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=400)
    parser.add_argument("--hidden", type=int, default=192, help="width of the network")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        armed(Path(directory) / "run")
        step = training(given.hidden)
        from reprokit.observe.start import current

        session = current()
        for _ in range(STEPS):
            step()
        observer = session.adapters[0]
        observer.recorder.flags, observer.recorder.look_after, observer.passing.on = 0, 1 << 60, True
        hooked = switch()
        seconds: dict[bool, list[float]] = {True: [], False: []}
        for block in range(given.blocks):
            for on in (True, False) if block % 2 else (False, True):
                hooked(on)
                step()
                began = time.perf_counter()
                for _ in range(STEPS):
                    step()
                seconds[on].append((time.perf_counter() - began) / STEPS)
        if session.disabled:
            raise SystemExit(f"the observer broke: {session.disabled}")
    added = statistics.median(a - b for a, b in zip(seconds[True], seconds[False], strict=True))
    plain = statistics.median(seconds[False])
    print(
        f"hooks of an undigested step  +{added * 1e6:.1f} us on {plain * 1e3:.2f} ms (x{1 + added / plain:.4f})  "
        f"all steps x{sum(seconds[True]) / sum(seconds[False]):.4f}  ({given.blocks} blocks of {STEPS} steps)"
    )


if __name__ == "__main__":
    main()
