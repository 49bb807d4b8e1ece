"""Bundles of `reprokit.run` are replayed: the script runs again, and the run inside it is held against the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import reprokit
from reprokit.errors import UnverifiedError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import CommandLine

    from tests.api.conftest import Python

NUMPY = """
import random
import numpy as np
import reprokit

np.random.rand(3), random.random()  # drawn before the run: its generators begin wherever these left them
with reprokit.run(params={"rate": 0.1}, output="run.repro.tar.zst") as run:
    weights, rng = np.zeros(3), np.random.default_rng()
    run.track(weights=weights)
    for step in range(5):
        weights -= 0.1 * (weights - np.random.normal(size=3) - rng.random(3) + random.random())
        run.step(loss=(weights ** 2).sum())
        print(step, weights.sum())
    np.save("weights.npy", weights)
    run.metric("norm", float(np.linalg.norm(weights)))
print("after the run")
"""


def test_an_unseeded_numpy_loop_replays_bitwise(python: Python) -> None:
    python.script(NUMPY)
    verdict = reprokit.replay("run.repro.tar.zst", runs=2)
    assert (verdict.tier.value, verdict.met, verdict.status.value) == ("bitwise", True, "verified")
    assert verdict.between_replays is not None
    assert verdict.between_replays.value == "bitwise"
    assert [(t.stream, t.steps_recorded, t.steps_compared, t.equal) for t in verdict.traces] == [("train", 5, 5, True)]
    assert verdict.traces[0].tensors_compared >= 20
    assert [run.stdout_equal for run in verdict.runs] == [True, True]


@pytest.mark.parametrize(
    "fault", ["np.frombuffer(os.urandom(24), np.uint64) * (step == 2)", "0 if step != 3 else time.time()"]
)
def test_a_planted_fault_is_found_at_its_step(python: Python, fault: str) -> None:
    text = NUMPY.replace("+ random.random())", f"+ random.random() + {fault})")
    python.script(f"import os, time\n{text}")
    verdict = reprokit.replay("run.repro.tar.zst")
    assert not verdict.met
    assert verdict.divergence is not None
    assert verdict.divergence.step == (3 if "urandom" in fault else 4)
    # The loss is computed from the weights of the same step, and stands before them in a row.
    assert verdict.divergence.part in ("loss", "parameters")


def test_the_api_and_the_command_line_agree(python: Python, tmp_path: Path, reprokit: CommandLine) -> None:
    import reprokit as api

    python.script(NUMPY)
    done = reprokit("replay", "--json", "run.repro.tar.zst", cwd=tmp_path)
    assert done.status == 0, done.text
    verdict = api.replay("run.repro.tar.zst").to_json()
    assert {k: verdict[k] for k in ("tier", "met", "outputs", "metrics", "traces")} == {
        k: done.json[k] for k in ("tier", "met", "outputs", "metrics", "traces")
    }
    assert not list(tmp_path.glob("run-*.repro.tar.zst"))  # the replayed script made no bundle of its own


TORCH = """
import os, sys
import torch
import reprokit

def train(steps):
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(steps):
        loss = model(torch.randn(8, 4)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model, optimizer, loss.item()

train(2)
for number in range(1, 4):
    with reprokit.run(name=f"trial{number}", output=f"trial{number}.repro.tar.zst", trace="full") as run:
        model, optimizer, loss = train(2 + number)
        if number == 2 and os.path.exists("/tmp") and "fault" in sys.argv:
            model.weight.data += torch.frombuffer(bytearray(os.urandom(16)), dtype=torch.int32)
        run.track(model=model, optimizer=optimizer)
        run.step(loss=loss)
        torch.save(model.state_dict(), f"model{number}.pt")
        print("loss", loss)
train(1)
"""


@pytest.mark.slow
def test_one_of_several_torch_runs_replays_alone(python: Python) -> None:
    python.script(TORCH)
    for number in (1, 3):
        bundle = f"trial{number}.repro.tar.zst"
        with reprokit.open(bundle) as opened:
            assert {s.name: (s.steps, s.delimited_by) for s in opened.manifest.streams} == {
                "train": (2 + number, "optimizer"),
                "train/steps": (1, "explicit"),
            }
            assert set(opened.outputs) == {f"model{number}.pt"}
        verdict = reprokit.replay(bundle)
        assert verdict.tier.value == "bitwise", verdict.reason
        assert {t.stream: t.steps_compared for t in verdict.traces} == {"train": 2 + number, "train/steps": 1}


@pytest.mark.slow
def test_a_fault_in_one_run_is_that_runs_alone(python: Python) -> None:
    python.script(TORCH, "fault")
    faulty = reprokit.replay("trial2.repro.tar.zst")
    assert not faulty.met
    assert faulty.divergence is not None
    # It was planted after the updates: the marked step sees it, and so does the state at exit.
    assert (faulty.divergence.stream, faulty.divergence.part) == ("train/steps", "parameters")
    assert [trace.equal for trace in faulty.traces] == [False, False]
    assert reprokit.replay("trial1.repro.tar.zst").tier.value == "bitwise"
    assert reprokit.replay("trial3.repro.tar.zst").tier.value == "bitwise"


def test_recorded_and_replayed_by_the_command_line_it_joins(
    python: Python, tmp_path: Path, reprokit: CommandLine
) -> None:
    import sys

    import reprokit as api

    (tmp_path / "train.py").write_text(NUMPY.replace("run.metric(", "run.output('weights.npy'); run.metric("))
    done = reprokit("record", "--json", "-o", "outer.repro.tar.zst", "--", sys.executable, "train.py", cwd=tmp_path)
    assert done.status == 0, done.text
    assert not (tmp_path / "run.repro.tar.zst").exists()
    with api.open("outer.repro.tar.zst") as bundle:
        assert bundle.params == {"rate": 0.1}
        assert "norm" in bundle.metrics
        assert bundle.outputs["weights.npy"].declared
        assert len(bundle.steps) == 5
        assert bundle.manifest.run.window is None
    assert api.replay("outer.repro.tar.zst").tier.value == "bitwise"


def test_a_policy_that_cannot_be_set_any_more_is_said(python: Python, tmp_path: Path, reprokit: CommandLine) -> None:
    import sys

    (tmp_path / "train.py").write_text("import reprokit\nwith reprokit.run(policy='deterministic'): pass\n")
    done = reprokit("record", "--json", "-o", "outer.repro.tar.zst", "--", sys.executable, "train.py", cwd=tmp_path)
    assert [warning["code"] for warning in done.json["warnings"] if warning["code"] == "RPK086"] == ["RPK086"]


def test_metric_close_and_tolerances_come_from_the_verdict(python: Python) -> None:
    python.script("""
import os, reprokit
with reprokit.run(output="run.repro.tar.zst") as run:
    run.metric("loss", 0.5 + os.urandom(1)[0] * 1e-12 + 1e-15)
    open("out.txt", "wb").write(os.urandom(8).hex().encode())
""")
    verdict = reprokit.replay("run.repro.tar.zst", target="re-runnable")
    assert verdict.tier.value in ("re-runnable", "metric-close")
    assert verdict.met
    assert [metric.name for metric in verdict.metrics if metric.close] == ["loss"]


@pytest.mark.parametrize(
    "options", [{"runs": 0}, {"policy": "fats"}, {"target": "best"}, {"env": "mine"}, {"isolation": "off"}]
)
def test_wrong_options_are_refused(options: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with reprokit.run(output="run.repro.tar.zst"):
        pass
    with pytest.raises(UsageError, match=r"RPK001|RPK120"):
        reprokit.replay("run.repro.tar.zst", **options)  # type: ignore[arg-type]


def test_compare_refuses_what_is_missing_and_says_where_two_runs_part(python: Python) -> None:
    python.script(NUMPY)
    python.script(NUMPY.replace('output="run', 'output="other'), name="train.py")
    verdict = reprokit.compare("run.repro.tar.zst", reprokit.open("other.repro.tar.zst"))
    assert verdict.divergence is not None
    assert verdict.divergence.step == 1
    assert not verdict.met
    assert reprokit.compare("run.repro.tar.zst", "run.repro.tar.zst").met
    with pytest.raises(UsageError, match="RPK003"):
        reprokit.compare("run.repro.tar.zst", "missing.repro.tar.zst")


def test_at_the_prompt_there_is_nothing_to_replay(python: Python, tmp_path: Path, reprokit: CommandLine) -> None:
    import reprokit as api

    python.prompt("""import numpy as np, reprokit
with reprokit.run(params={"rate": 0.5}, output="prompt.repro.tar.zst") as run:
    print("typed", run.step(loss=0.5, weights=np.ones(2)))
    np.save("weights.npy", np.ones(2))

""")
    with api.open("prompt.repro.tar.zst") as bundle:
        assert bundle.manifest.run.interactive
        assert bundle.params == {"rate": 0.5}
        assert len(bundle.steps) == 1
        assert bundle.tensors("weights.npy")["array"].tolist() == [1.0, 1.0]
        assert b"typed 1" in bundle.read("logs/stdout.txt")
    with pytest.raises(UnverifiedError, match="RPK080"):
        api.replay("prompt.repro.tar.zst")
    for verb, status in (("replay", 3), ("inspect", 0), ("verify", 0), ("ls", 0)):
        done = reprokit(verb, "prompt.repro.tar.zst", cwd=tmp_path)
        assert done.status == status, done.text
    assert reprokit("compare", "prompt.repro.tar.zst", "prompt.repro.tar.zst", cwd=tmp_path).status == 0
    assert "RPK080" in reprokit("inspect", "prompt.repro.tar.zst", cwd=tmp_path).text


def test_in_a_notebook(python: Python, tmp_path: Path) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    train = """with reprokit.run(params={'rate': 0.5}, seed=3, output='note.repro.tar.zst') as run:
    run.track(weights=weights)
    for _ in range(3):
        weights += np.random.rand(2)
        run.step(loss=weights.sum())
    print('trained in a cell')
    np.save('weights.npy', weights)
"""
    cells = [
        "import numpy as np, reprokit\nweights = np.zeros(2)",
        train,
        "reprokit.open('note.repro.tar.zst')",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    # By sockets in the directory that both work in: ports are chosen here and taken by the kernel a second later.
    sockets = pytest.importorskip("traitlets.config").Config(KernelManager={"transport": "ipc"})
    client = nbclient.NotebookClient(notebook, timeout=300, startup_timeout=300, kernel_name="python3", config=sockets,
        resources={"metadata": {"path": str(tmp_path)}})  # fmt: skip
    client.execute()
    shown = notebook.cells[2].outputs[0]["data"]
    assert "param rate" in shown["text/html"]
    assert "trained in a cell" in notebook.cells[1].outputs[0]["text"]
    with reprokit.open("note.repro.tar.zst") as bundle:
        assert bundle.manifest.run.interactive
        assert bundle.manifest.run.seed == 3
        assert len(bundle.steps) == 3
        assert b"run.track(weights=weights)" in bundle.read("logs/cells.py")
        assert bundle.read("logs/stdout.txt") == b"trained in a cell\n"
        assert set(bundle.outputs) == {"weights.npy"}
    with pytest.raises(UnverifiedError, match="RPK080"):
        reprokit.replay("note.repro.tar.zst")
