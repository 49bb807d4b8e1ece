"""Unmodified scripts over all frameworks, each recorded under the policy that `reprokit price` recommended for it.

Each replays bitwise, and a fault that is planted in it is found where it was planted. The policies stand in `priced/`,
as the price list wrote them there.
"""

from __future__ import annotations

import json
import shlex
import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from reprokit.launch.opening import open_bundle
from reprokit.launch.policies import recorded_policy

if TYPE_CHECKING:
    from conftest import CommandLine, Recording, Training

pytestmark = pytest.mark.frameworks

PRICED = Path(__file__).parent / "priced"
SCRIPTS: dict[str, dict[str, str]] = tomllib.loads((PRICED / "scripts.toml").read_text("utf-8"))
FIGURES: dict[str, dict[str, Any]] = json.loads((PRICED / "figures.json").read_text("utf-8"))
UNDER_IT = ("--policy", "priced", "--trace", "full")


class Fault(NamedTuple):
    """``code`` is put in front of (or after) ``line``; the others say where it is found.

    ``both`` stands before the fault, and in the run without it, too: for a script that draws from the system, so that
    two recordings have nothing in common.
    """

    line: str
    code: str
    step: int
    part: str
    tensor: str
    stream: str = ""
    after: bool = False
    both: str = ""


def moved(weight: str, when: str) -> str:
    """Code that moves the first number of a PyTorch tensor by one unit in the last place."""
    return f"if {when}: {weight}[(0,) * 2] = torch.nextafter({weight}[(0,) * 2], torch.tensor(9.0))"


KERNEL = "digits/hidden/kernel"
MOVED_KERNEL = """\
if self.seen == 17:
    values = keras.ops.convert_to_numpy(self.model.get_layer("hidden").kernel).copy()
    values[3, 4] = np.nextafter(values[3, 4], np.float32(9))
    self.model.get_layer("hidden").kernel.assign(values)
"""
FAULTS = {
    "keras_fit": Fault(
        "self.seen += 1", "if self.seen == 9: self.model.optimizer.learning_rate = 1.1e-3",
        10, "lr", "adam/learning_rate", after=True,
    ),
    "keras_tape": Fault(
        "noise = tf.random.get_global_generator()", "model.layers[1].rate = 0.11", 1, "loss", "result",
        both="tf.random.set_global_generator(tf.random.Generator.from_seed(4))",
    ),
    "keras_augmented": Fault(
        'data = (data / 16).astype("float32")', "target[70] = 9 - target[70]", 2, "batch", "input[1]",
    ),
    "tensorflow_by_hand": Fault(  # between two updates by hand there is no telling to which one a change belongs
        "with tf.GradientTape() as tape:",
        "if at == 640: weight[3, 4].assign(np.nextafter(weight[3, 4].numpy(), np.float32(9)))",
        10, "parameters", "weight",
    ),
    "keras_on_torch": Fault("self.seen += 1", MOVED_KERNEL, 18, "parameters", KERNEL, after=True),
    "keras_on_jax": Fault("self.seen += 1", MOVED_KERNEL, 18, "parameters", KERNEL, after=True),
    "jax_optax": Fault(
        "params, state, loss = update(params, state, x, y)", "if step == 7: x, y = x[::-1], y[::-1]", 7, "batch", "x",
    ),
    "flax": Fault(
        "state, loss = update(state, x, y, jax.random.fold_in(key, step))", "if step == 9: key = jax.random.key(5)",
        9, "rng", "key",
    ),
    "torch_convolutions": Fault(
        "optimizer.zero_grad()", "if step == 5: model.bn1.momentum = 0.11", 5, "parameters", "bn1.running_mean",
    ),
    "torch_transformer": Fault(
        "logits, loss = model(x, y)", "if step == 9: x, y = x.flip(0), y.flip(0)", 9, "batch", "input 0",
    ),
    "torch_scatter": Fault(
        "target = torch.zeros(200_000).index_put_((rows,), values)", "if step == 6: values[-100:] += 1e-2",
        6, "loss", "loss",
    ),
    "torch_compiled": Fault(
        "optimizer.zero_grad()", moved("model.head.weight.data", "_ == 3"), 4, "parameters", "head.weight",
    ),
    "torch_ddp": Fault(
        "optimizer.step()", "if rank == 1 and step == 11: model.module[0].weight.grad *= 1.0001",
        11, "gradients", "0.weight", "rank1",
    ),
    "lightning": Fault(
        "inputs, targets = batch", "if self.global_step == 5: targets = targets.flip(0)", 6, "loss", "loss", after=True,
    ),
    "hugging_face": Fault(  # the warm-up begins with a learning rate of 0
        "trainer.train()", "trainer.args.weight_decay = 0.01", 2, "parameters", "transformer.wte.weight=lm_head.weight",
    ),
    "accelerate": Fault(
        "accelerator.backward(loss)", "if schedule.scheduler.last_epoch == 4: loss = loss * 1.0001", 5, "loss", "loss",
    ),
    "sklearn": Fault(
        "pipeline.fit(X_train, y_train)", "pipeline[-1].min_samples_leaf = 2",
        1, "lr", "Pipeline#1: steps[1][1].min_samples_leaf",
    ),
    "boosting": Fault(
        "second = lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1).fit(x, y)", "y[0] = (y[0] + 1) % 10",
        1, "batch", "LGBMClassifier#1(y)", "boosting/fits",
    ),
}  # fmt: skip


def recommended(name: str) -> str:
    """The policy as `reprokit price --output` wrote it: the project's `pyproject.toml`."""
    return (PRICED / f"{name}.toml").read_text("utf-8")


def recommended_switches(name: str) -> dict[str, Any]:
    """What that policy sets."""
    policy: dict[str, Any] = tomllib.loads(recommended(name))["tool"]["reprokit"]["policy"]["priced"]
    assert policy.pop("extends") == "none"
    return policy


def policy_of(recording: Recording) -> dict[str, Any]:
    """What the bundle says that it was recorded under."""
    with open_bundle(recording.bundle) as (_, manifest, _):
        policy = recorded_policy(manifest)
    assert policy.name == "priced"
    return dict(policy.switches)


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_replays_bitwise_under_the_recommended_policy_and_a_fault_is_found(training: Training, name: str) -> None:
    if name == "torch_compiled" and not (shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("no C++ compiler is installed, which torch.compile needs")
    command, fault = tuple(shlex.split(SCRIPTS[name]["command"])), FAULTS[name]
    given: dict[str, Any] = {"options": UNDER_IT, "settings": recommended(name), "threads": 2}
    recording = training.record(*command, **given)
    verdict = training.replay(recording, threads=2)
    assert (verdict["tier"], verdict["status"], verdict["met"]) == ("bitwise", "verified", True), verdict["reason"]
    assert policy_of(recording) == recommended_switches(name)
    assert verdict["scope"]["policy_not_held"] == []
    compared = [(trace["steps_compared"], trace["steps_recorded"]) for trace in verdict["traces"]]
    assert verdict["outputs"]
    assert all(ours == theirs > 0 for ours, theirs in compared), compared
    assert compared

    if fault.both:
        base = training.plant(fault.line, fault.both, after=fault.after)
        sound = training.record(*command, fault=base, **given)
    else:
        sound = recording
    planted = training.plant(fault.line, "\n".join(filter(None, [fault.both, fault.code])), after=fault.after)
    found = training.compare(sound, training.record(*command, fault=planted, **given), status=1)
    assert found["tier"] != "bitwise"
    assert not all(output["equal"] for output in found["outputs"])
    place = found["divergence"]
    assert (place["step"], place["part"], place["tensor"]) == (fault.step, fault.part, fault.tensor)
    assert fault.stream in ("", place["stream"])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("boosting", ()),
        ("jax_optax", ()),
        ("tensorflow_by_hand", ("--policy", "none", "--switch", "tensorflow.op_determinism=true")),
    ],
)
def test_the_price_list_says_so_here_too(
    training: Training, reprokit: CommandLine, name: str, options: tuple[str, ...]
) -> None:
    """PyTorch is priced in test_price.py. Costs are not asked for: two rounds tell nothing about them."""
    recording = training.record(*shlex.split(SCRIPTS[name]["command"]), threads=2)
    given = ("--json", "--rounds", "2", "--target", "bitwise", *options, recording.bundle)
    done = reprokit("price", *given, cwd=recording.directory, env={"OMP_NUM_THREADS": "2"}, timeout=400)
    report = done.json
    assert (done.status, report["met"], report["status"]) == (0, True, "verified"), done.text
    tried = {row["name"]: row["status"] for row in report["switches"] if row["status"] != "does-not-apply"}
    assert tried
    assert set(tried.values()) == {"priced"}, report["switches"]
    assert all(row["price"]["between"]["tier"] == "bitwise" for row in report["switches"] if row["name"] in tried)
    assert report["recommended"].endswith('extends = "none"\n'), "no switch is needed"


def test_every_script_has_a_policy_and_figures_that_agree() -> None:
    assert set(SCRIPTS) == set(FAULTS) == set(FIGURES)
    for name in SCRIPTS:
        assert recommended_switches(name) == FIGURES[name]["recommended"]
    needed = {name for name in SCRIPTS if FIGURES[name]["recommended"]}
    assert needed == {"keras_augmented", "torch_scatter"}, "the others repeat as they are"
