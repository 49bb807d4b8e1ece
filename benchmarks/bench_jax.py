"""What recording costs a JAX loop: blocks of the same loop with the observer on and off, in turn, in one process.

``python benchmarks/bench_jax.py [blocks]``. Prints, per size of step, the median step and the median ratio of a block
to its neighbours. Processes compared with each other differ by more than the observer costs.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from reprokit.launch.recording import Observation, armed_environment, prepare

LOOP = """
import sys, time, jax, jax.numpy as jnp, numpy as np, optax
width, steps, blocks = map(int, sys.argv[1:])
x = np.random.default_rng(0).normal(size=(256, width)).astype("float32")
w = {f"layer {i}": jnp.eye(width) * 0.5 for i in range(4)}
tx = optax.adam(1e-3); state = tx.init(w)
def loss_of(w, x):
    for v in w.values():
        x = jnp.tanh(x @ v)
    return jnp.square(x).mean()
@jax.jit
def update(w, state, x):
    loss, g = jax.value_and_grad(loss_of)(w, x)
    change, state = tx.update(g, state, w)
    return optax.apply_updates(w, change), state, loss
w, state, loss = jax.block_until_ready(update(w, state, x))
from reprokit.observe.start import current
adapter, taken = current().adapters[-1], []
for block in range(blocks):
    adapter.on = block % 2 == 0
    begun = time.perf_counter()
    for i in range(steps):
        w, state, loss = update(w, state, x)
        if i % 10 == 0:
            float(loss)
    jax.block_until_ready(w)
    taken.append((time.perf_counter() - begun) / steps)
adapter.on = True
print(*taken)
"""
SIZES = ((64, 500), (256, 100), (512, 50), (1024, 20))


def main(blocks):
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "REPROKIT"))}
    with tempfile.TemporaryDirectory() as name:
        script = Path(name) / "loop.py"
        script.write_text(LOOP)
        for width, steps in SIZES:
            recording = Path(name) / str(width)
            prepare(recording, Observation(root=name, frameworks={"jax": "reprokit.frameworks.jax"}))
            done = subprocess.run(
                [sys.executable, str(script), str(width), str(steps), str(2 * blocks + 1)],
                env=armed_environment(plain, recording), capture_output=True, text=True, check=True,
            )  # fmt: skip
            taken = [float(one) for one in done.stdout.split()]
            off = taken[1::2]
            ratios = [2 * off[i] / (taken[2 * i] + taken[2 * i + 2]) for i in range(len(off))]
            low, middle, high = statistics.quantiles([1 / ratio for ratio in ratios], n=4)
            print(
                f"step of {statistics.median(off) * 1e3:7.2f} ms: {100 * (middle - 1):+6.1f} %  "
                f"(quartiles {100 * (low - 1):+.1f} and {100 * (high - 1):+.1f})",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
