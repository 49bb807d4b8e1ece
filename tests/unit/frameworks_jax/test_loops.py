"""Loops as people write them: the observer changes no bit, finds each update, and a moved number in its step."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reprokit.launch.recording import Observation, armed_environment, prepare
from reprokit.observe.reading import read_processes
from reprokit.trace.passed import read_all_rows
from reprokit.trace.raw import FINAL, PLAN, read_blocks

pytestmark = pytest.mark.frameworks
TRAINING = Path(__file__).with_name("training.py")
SURFACE = Path(__file__).with_name("surface.py")
# mode -> updates, and the role in which they were seen
MODES = {
    "update": (5, "jax.update"), "bf16": (5, "jax.update"), "x64": (5, "jax.update"), "evaluation": (5, "jax.update"),
    "donated": (5, "jax.update"), "apply": (5, "jax.apply"), "optax": (5, "optax.apply_updates"),
    "eager": (5, "jax.gradient"), "by hand": (5, "jax.gradient"), "accumulated": (5, "optax.apply_updates"),
    "scan": (5, "jax.update"), "k-means": (5, "jax.apply"), "two models": (6, "jax.apply"),
    "linen": (5, "jax.update"), "nnx": (5, "jax.update"),
}  # fmt: skip


class Seen:
    """One mode, run without the observer, with it, and with it and a fault."""

    def __init__(self, mode, directory):
        self.directory = directory
        self.plain = self._run(mode, environment()).stdout
        self.observed, self.process, self.rows = self._observe("observed", mode)
        self.faulty, _, self.faulty_rows = self._observe("faulty", mode, "fault")

    def _run(self, mode, env, *more, script=TRAINING):
        done = subprocess.run(
            [sys.executable, str(script), mode, *more],
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    def _observe(self, name, mode, *more):
        recording = self.directory / name
        frameworks = {"jax": "reprokit.frameworks.jax"}
        prepare(recording, Observation(root=str(TRAINING.parent), level="full", frameworks=frameworks))
        out = self._run(mode, armed_environment(environment(), recording), *more).stdout
        process = read_processes(recording)[0]
        return out, process, rows_of(process)


def environment():
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "REPROKIT", "PYTEST"))}
    return {**plain, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}


def rows_of(process):
    blocks = read_blocks((process.directory / "blocks").read_bytes())
    return [
        {
            (blocks[n].part, column.name): data[16 * i : 16 * i + 16]
            for n, data in row.blocks.items()
            for i, column in enumerate(blocks[n].columns)
            if blocks[n].part != "rng" or "before forward" not in column.name
        }
        for row in read_all_rows(process.directory, blocks)
        if not row.flags & FINAL
    ]


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    made = {}

    def of(mode):
        if mode not in made:
            made[mode] = Seen(mode, tmp_path_factory.mktemp("mode"))
        return made[mode]

    return of


@pytest.mark.parametrize("mode", MODES)
def test_a_loop(seen, mode):
    run = seen(mode)
    updates, role = MODES[mode]
    assert run.process.disabled == {}
    assert run.observed == run.plain, "the observer changed the final state"
    assert len(run.rows) == updates
    assert role in run.process.fired
    assert all(any(part == "parameters" for part, _ in row) for row in run.rows[:-1])
    if mode == "two models":  # has no fault to plant
        return
    if mode != "k-means":  # where a centre lay is forgotten once its points are found
        assert run.faulty != run.plain, "the fault changes nothing: it proves nothing"
    differing = [step for step, (a, b) in enumerate(zip(run.rows, run.faulty_rows, strict=True), 1) if a != b]
    by_hand = role == "jax.gradient"  # its parameters are read when the next step begins, after the fault
    assert differing[0] == (3 if by_hand else 4)
    here = {key for key, digest in run.rows[3].items() if run.faulty_rows[3][key] != digest}
    assert any(part == "entry" for part, _ in here)
    assert not any(part == "batch" for part, _ in here)


def test_names_and_parts(seen):
    row = seen("update").rows[0]
    assert ("entry", "w['a']") in row
    assert ("parameters", "w['b']") in row
    assert ("optimizer", "opt_state[0].mu['a']") in row
    assert ("batch", "x") in row
    assert ("loss", "loss") in row
    assert ("gradients", "w['a']") in seen("apply").rows[0]
    assert ("batch", "call 2: x") in seen("accumulated").rows[0]


def test_a_donated_buffer_is_still_reused(seen):
    """The control: a NumPy view, the obvious way to read an array, would make XLA copy."""
    run = seen("donated")
    assert "reused True" in run.plain
    assert "reused True" in run.observed
    code = (
        "import jax, jax.numpy as jnp, numpy as np\n"
        "x = jnp.arange(1000.0); before = x.unsafe_buffer_pointer(); view = np.asarray(x)\n"
        "y = jax.jit(lambda v: v + 1, donate_argnums=0)(x)\nprint(y.unsafe_buffer_pointer() == before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_compiled_functions_behave_as_before(tmp_path):
    """Attributes, signatures, transformations, pickling, methods: what a script can see of them is the same."""
    prepare(tmp_path / "r", Observation(root=str(tmp_path), frameworks={"jax": "reprokit.frameworks.jax"}))
    with ThreadPoolExecutor(2) as pool:
        plain, observed = pool.map(
            lambda env: (
                subprocess.run(
                    [sys.executable, str(SURFACE)], env=env, capture_output=True, text=True, check=True, timeout=300
                ).stdout
            ),
            [environment(), armed_environment(environment(), tmp_path / "r")],
        )
    assert observed.splitlines() == plain.splitlines()
    assert len(plain.splitlines()) > 15


SPARSE = bytes([PLAN, 0, 0, 0, 0, 0])  # only the first update is digested


@pytest.mark.parametrize("mode", ["donated", "apply", "optax", "by hand"])
def test_the_state_at_exit_shows_what_steps_of_which_only_the_loss_is_noted_hide(tmp_path, mode):
    last = []
    for name, more in (("one", ()), ("same", ()), ("faulty", ("fault",))):
        frameworks = {"jax": "reprokit.frameworks.jax"}
        observation = Observation(root=str(TRAINING.parent), frameworks=frameworks, plans={"training": SPARSE})
        prepare(tmp_path / name, observation)
        command = [sys.executable, str(TRAINING), mode, *more]
        subprocess.run(command, env=armed_environment(environment(), tmp_path / name), check=True, timeout=300)
        (process,) = read_processes(tmp_path / name)
        assert process.disabled == {}
        blocks = read_blocks((process.directory / "blocks").read_bytes())
        rows = list(read_all_rows(process.directory, blocks))
        third = {blocks[number].part for row in rows if row.step == 3 for number in row.blocks}
        assert third <= {"loss"}, "the plan is not followed"
        (final,) = [row for row in rows if row.flags & FINAL]
        last.append(final.blocks)
    assert last[0]
    assert last[0] == last[1]
    assert last[0] != last[2]


THREADS = """
import sys, threading
import jax, jax.numpy as jnp
update = jax.jit(lambda w: w - 0.1 * jax.grad(lambda w: (w * w).sum())(w))
together = threading.Barrier(int(sys.argv[1]))  # a thread that starts after the other's end may get its identity
def train():
    together.wait()
    w = jnp.ones(3)
    for _ in range(5):
        w = update(w)
threads = [threading.Thread(target=train) for _ in range(int(sys.argv[1]))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize("count", [1, 2])
def test_training_in_several_threads_is_said(tmp_path, count):
    script, recording = tmp_path / "threads.py", tmp_path / "recording"
    script.write_text(THREADS)
    prepare(recording, Observation(root=str(tmp_path), frameworks={"jax": "reprokit.frameworks.jax"}))
    command = [sys.executable, str(script), str(count)]
    subprocess.run(command, env=armed_environment(environment(), recording), check=True, timeout=300)
    (process,) = read_processes(recording)
    assert set(process.disabled) == ({"jax.threads"} if count > 1 else set())
    if count == 1:
        assert "jax.update" in process.fired
