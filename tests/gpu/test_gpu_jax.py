"""JAX on a GPU: recorded, replayed, undisturbed, and a planted fault is found at its step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.gpu, pytest.mark.slow]

SCRIPT = Path(__file__).parent / "scripts" / "jax_gpu.py"
CALL = "    params, opt_state, loss = update(params, opt_state, x[picked], y[picked])\n"
NUDGE = """    if step == 9:
        params["w2"] = params["w2"].at[3, 4].set(jnp.nextafter(params["w2"][3, 4], jnp.float32(jnp.inf)))
"""


@pytest.fixture(autouse=True)
def _needs_jax_on_a_gpu(cuda) -> None:
    probe = "import jax, optax; raise SystemExit(jax.default_backend() != 'gpu')"
    if subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False).returncode:
        pytest.skip("JAX sees no GPU here")


def test_a_training_replays_bitwise_and_a_moved_weight_is_found(on_gpu) -> None:
    options = ("--policy", "deterministic", "--trace", "full")
    clean = on_gpu.record("clean", "jax_gpu.py", *options)
    verdict = on_gpu.replay(clean, "--runs", "2")
    assert verdict["tier"] == "bitwise", verdict["reason"]
    assert verdict["traces"][0]["steps_compared"] == 30, verdict["traces"]
    broken = on_gpu.record("broken", "jax_gpu.py", *options, change=(CALL, NUDGE + CALL))
    found = on_gpu.compare(clean, broken)
    assert found["tier"] != "bitwise"
    assert found["divergence"]["step"] in (8, 9), found["divergence"]
    assert found["divergence"]["part"] == "parameters", found["divergence"]


def test_recording_does_not_change_the_weights(on_gpu, tmp_path) -> None:
    states = []
    for name, command in (("plain", []), ("observed", ["--trace", "full"])):
        room = tmp_path / f"jax-{name}"
        room.mkdir()
        (room / SCRIPT.name).write_text(SCRIPT.read_text("utf-8"), "utf-8")
        observed = [str(Path(sys.executable).parent / "reprokit"), "record", "-o", "b", *command, "--"]
        done = subprocess.run(
            [*(observed if command else []), sys.executable, SCRIPT.name], cwd=room, capture_output=True, text=True,
            timeout=180, check=False, env={**os.environ, "XLA_FLAGS": "--xla_gpu_deterministic_ops=true"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        with np.load(room / "params.npz") as saved:
            states.append({key: saved[key].tobytes() for key in saved.files})
    assert states[0] == states[1]
