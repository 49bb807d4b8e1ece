"""Training on a GPU: recorded, replayed, with planted faults, undisturbed, and in an order that the hardware chose."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.gpu, pytest.mark.slow]

SAVE = 'torch.save(model.state_dict(), "model.pt")'
NUDGE = """    scaler.step(optimizer)
    if step == 17:
        with torch.no_grad():
            flat = model[3].weight.view(-1)
            flat[100] = torch.nextafter(flat[100], flat.new_tensor(float("inf")))
"""


def test_mixed_precision_replays_bitwise_with_every_step_digested(on_gpu) -> None:
    bundle = on_gpu.record("run", "digits_gpu.py", "--policy", "deterministic", "--trace", "full")
    verdict = on_gpu.replay(bundle, "--runs", "2")
    assert verdict["tier"] == "bitwise", verdict["reason"]
    assert verdict["between_replays"] == "bitwise"
    (trace,) = verdict["traces"]
    assert trace["equal"] is True
    seen = on_gpu.inspect(bundle)
    assert seen["fingerprint"]["gpus"] if "gpus" in seen.get("fingerprint", {}) else "NVIDIA" in str(seen)


def test_a_weight_on_the_gpu_moved_by_one_ulp_is_found_at_its_step(on_gpu) -> None:
    options = ("--policy", "deterministic", "--trace", "full")
    clean = on_gpu.record("clean", "digits_gpu.py", *options)
    broken = on_gpu.record("broken", "digits_gpu.py", *options, change=("    scaler.step(optimizer)\n", NUDGE))
    verdict = on_gpu.compare(clean, broken)
    found = verdict["divergence"]
    # moved after update 17: seen in the parameters before the forward pass of step 18
    assert (found["step"], found["part"], found["tensor"], found["cause"]) == (18, "parameters", "3.weight", "update")
    assert verdict["tier"] != "bitwise"


def test_an_extra_draw_on_the_gpu_is_a_random_draw(on_gpu) -> None:
    options = ("--policy", "deterministic", "--trace", "full")
    clean = on_gpu.record("clean", "digits_gpu.py", *options)
    line = "    optimizer.zero_grad()\n"
    broken = on_gpu.record(
        "broken", "digits_gpu.py", *options,
        change=(line, line + '    if step == 9:\n        torch.rand(1, device="cuda")\n'),
    )  # fmt: skip
    found = on_gpu.compare(clean, broken)["divergence"]
    assert found["step"] in (9, 10)
    assert found["cause"] == "random draws", found


def test_another_precision_of_matrix_products_changes_numbers_and_not_draws(on_gpu) -> None:
    """TF32 shows in the first step's arithmetic, in whichever pass its kernels are first used."""
    mixed, plain = 'with torch.autocast("cuda", torch.float16):', "if True:"
    seed = "torch.manual_seed(0)"
    text = (Path(__file__).parent / "scripts" / "digits_gpu.py").read_text("utf-8")
    between = text[text.index(seed) : text.index(mixed) + len(mixed)]
    bundles = []
    for name, allowed in (("with", True), ("without", False)):
        switched = between.replace(seed, f"{seed}; torch.backends.cudnn.allow_tf32 = {allowed}").replace(mixed, plain)
        options = ("--trace", "full", "--policy", "deterministic")
        bundles.append(on_gpu.record(name, "digits_gpu.py", *options, change=(between, switched)))
    verdict = on_gpu.compare(*bundles)
    assert verdict["tier"] != "bitwise"
    assert verdict["divergence"]["step"] == 1
    assert verdict["divergence"]["cause"] in ("forward numerics", "backward numerics"), verdict["divergence"]


def test_atomic_additions_differ_and_the_deterministic_policy_mends_them(on_gpu) -> None:
    loose = on_gpu.record("loose", "scatter_gpu.py")
    verdict = on_gpu.replay(loose, "--runs", "3")
    assert "bitwise" not in (verdict["tier"], verdict["between_replays"]), verdict["reason"]
    assert "--policy deterministic" in verdict["advice"]
    strict = on_gpu.record("strict", "scatter_gpu.py", "--policy", "deterministic")
    verdict = on_gpu.replay(strict, "--runs", "3")
    assert verdict["tier"] == "bitwise", verdict["reason"]


@pytest.mark.parametrize("script", ["digits_gpu.py", "graph_gpu.py"])
def test_recording_does_not_change_the_weights(on_gpu, tmp_path, script) -> None:
    """The same script without reprokit ends with the same bits; also when its steps are in a CUDA graph."""
    change = ("torch.manual_seed(0)", "torch.manual_seed(0); torch.backends.cudnn.deterministic = True")
    text = (Path(__file__).parent / "scripts" / script).read_text("utf-8").replace(*change, 1)
    states = []
    for name, extra in (("plain", []), ("full", ["--trace", "full"]), ("default", [])):
        room = tmp_path / f"weights-{name}"
        room.mkdir()
        (room / script).write_text(text, "utf-8")
        observed = [str(Path(sys.executable).parent / "reprokit"), "record", "-o", str(room / "b"), *extra, "--"]
        command = [*([] if name == "plain" else observed), sys.executable, script]
        done = subprocess.run(command, cwd=room, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stderr
        torch = pytest.importorskip("torch")
        state = torch.load(room / "model.pt", map_location="cpu", weights_only=True)
        states.append(
            {
                k: hashlib.sha256(v.reshape(-1).contiguous().view(torch.uint8).numpy().tobytes()).hexdigest()
                for k, v in state.items()
            }
        )
        if script == "graph_gpu.py" and name == "full":
            assert "CUDA graph" in done.stderr, "that replayed steps are not seen is said"
    assert states[0] == states[1] == states[2]
    assert len(set(states[0].values())) > 1
