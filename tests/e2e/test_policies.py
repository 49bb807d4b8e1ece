"""Policies on real training: chosen by name, kept, undone by the script, given up by the user's environment."""

import json
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import os, random, sys
import numpy as np, torch
if "undo" in sys.argv: torch.use_deterministic_algorithms(False)
model = torch.nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(3):
    if "between" in sys.argv: torch.use_deterministic_algorithms(step != 1, warn_only=True)
    loss = model(torch.randn(8, 4)).square().mean()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
if "late" in sys.argv: torch.backends.cudnn.benchmark = True
print(random.random(), np.random.rand(), hash("x"), os.listdir("files"), [e.name for e in os.scandir("files")])
torch.save(model.state_dict(), "model.pt")
"""
PROJECT = """
[tool.reprokit.policy.mine]
extends = "deterministic"
seed = 1606938044258990275541962092341162602522202993782792835301376
torch.num_threads = 1
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "files").mkdir()
    for name in "qwertyuiopasdfghjkl":
        (tmp_path / "files" / name).touch()
    return tmp_path


FORKING = """
import os, random
random.random()
drawn = []
for _ in range(3):
    end, child_end = os.pipe()
    if os.fork() == 0:
        os.write(child_end, str(random.random()).encode())
        os._exit(0)
    os.wait()
    drawn.append(os.read(end, 64).decode())
print(*drawn)
"""


def record(reprokit, place, *options, arguments=(), env=None):
    done = reprokit(
        "record", "--json", *options, "-o", "run.repro.tar.zst", "--", sys.executable, "train.py", *arguments,
        cwd=place, env=env,
    )  # fmt: skip
    assert done.status == 0, done.text
    return done.json, done.stderr.decode().splitlines()[0]


def codes(document):
    return [notice["code"] for notice in document["warnings"] if notice["code"].startswith("RPK12")]


def test_two_recordings_under_a_policy_with_a_seed_are_the_same_and_another_seed_is_not(reprokit, place):
    _, first = record(reprokit, place, "--policy", "mine")
    report, second = record(reprokit, place, "--policy", "mine")
    assert first == second
    assert codes(report) == []
    listed = json.loads(first[first.index("[") : first.index("]") + 1].replace("'", '"'))
    assert listed == sorted(listed)
    _, other = record(reprokit, place, "--policy", "mine", "--seed", "-1")
    assert first.split()[:3] != other.split()[:3]
    (stream,) = [s for s in report["streams"] if s["steps"]]
    assert stream["switches"]["torch.deterministic_algorithms"] == "warn"
    assert stream["switches"]["torch.num_threads"] == 1
    assert stream["switches_at_exit"]["python.file_order"] == "sorted"
    verdict = reprokit("replay", "run.repro.tar.zst", "--json", cwd=place).json
    assert verdict["tier"] == "bitwise", verdict["reason"]
    assert codes(verdict) == []
    assert verdict["scope"]["policy_not_held"] == []


@pytest.mark.parametrize(
    ("argument", "switch", "when"),
    [
        ("undo", "torch.deterministic_algorithms", "after the first step"),
        ("between", "torch.deterministic_algorithms", "at a later step"),
        ("late", "torch.cudnn.benchmark", "at exit"),
    ],
)
def test_a_script_that_undoes_a_switch_is_found_out(reprokit, place, argument, switch, when):
    # a switch is looked at in the steps that are digested: on a busy machine these would not be all
    report, _ = record(reprokit, place, "--policy", "deterministic", "--trace", "full", arguments=[argument])
    (notice,) = [n for n in report["warnings"] if n["code"] == "RPK124"]
    assert switch in notice["message"]
    assert when in notice["message"]
    done = reprokit("replay", "run.repro.tar.zst", "--json", cwd=place)
    verdict = done.json
    assert codes(verdict) == ["RPK124", "RPK128"]
    assert verdict["scope"]["policy_not_held"] == [switch]
    shown = reprokit("replay", "run.repro.tar.zst", cwd=place).text
    assert "did not hold" in shown


FITS = """
import os, posix, sys
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
x = np.arange(40.0).reshape(10, 4)
if "before" in sys.argv: os.listdir = posix.listdir
x = StandardScaler().fit_transform(x)
Ridge().fit(x, x[:, 0])
np.save("x.npy", x)
"""


@pytest.mark.parametrize("argument", ["before", "none"])
def test_a_script_of_fits_alone_is_asked_for_its_switches_too(reprokit, place, argument):
    (place / "train.py").write_text(FITS)
    done = reprokit(
        "record", "--json", "--policy", "deterministic", "--", sys.executable, "train.py", argument, cwd=place
    )
    report = done.json
    assert [n["code"] for n in report["warnings"] if n["code"] == "RPK042"] == []
    assert {s["name"]: s["steps"] for s in report["streams"]} == {"train": 0, "train/fits": 2}
    assert report["streams"][0]["switches"]["python.file_order"] == ("system" if argument == "before" else "sorted")
    notices = [n["message"] for n in report["warnings"] if n["code"] == "RPK124"]
    expected = ["train: python.file_order: asked sorted, was system after the first step"]
    assert notices == (expected if argument == "before" else [])


def test_a_replay_under_another_policy_keeps_the_recorded_draws(reprokit, place):
    record(reprokit, place, "--policy", "none")
    verdict = reprokit("replay", "run.repro.tar.zst", "--policy", "fast", "--json", cwd=place).json
    assert verdict["policy"] == "fast"
    assert verdict["tier"] == "bitwise", verdict["reason"]


def test_a_variable_that_contradicts_the_policy_is_named(reprokit, place):
    report, _ = record(reprokit, place, "--policy", "deterministic", env={"CUBLAS_WORKSPACE_CONFIG": ":0:0"})
    (notice,) = [n for n in report["warnings"] if n["code"] == "RPK126"]
    assert ":0:0" in notice["message"]


@pytest.mark.parametrize(
    ("options", "code"),
    [(("--policy", "fats"), "RPK120"), (("--seed", "abc"), "RPK129"), (("--seed", "1.5"), "RPK129")],
)
def test_bad_options_are_named_and_nothing_runs(reprokit, place, options, code):
    done = reprokit("record", *options, "--", sys.executable, "train.py", cwd=place)
    assert done.status == 2
    assert code in done.text
    assert not (place / "model.pt").exists()


def test_a_broken_policy_in_the_project_is_named_before_anything_runs(reprokit, place):
    (place / "pyproject.toml").write_text('[tool.reprokit.policy.mine]\n"torch.num_thread" = 1\n')
    done = reprokit("record", "--", sys.executable, "train.py", cwd=place)
    assert done.status == 2
    assert "RPK121" in done.text
    assert "torch.num_threads" in done.text


def test_an_inline_run_names_what_needs_a_fresh_process(reprokit, place):
    (place / "inline.py").write_text(
        "import torch, reprokit\n"
        "with reprokit.run(policy='strict', output='inline.repro.tar.zst') as run:\n"
        "    run.step(loss=torch.ones(1).item())\n"
        "print([n.message for n in run.report.warnings if n.code == 'RPK127'])\n"
        "print(torch.are_deterministic_algorithms_enabled(), __import__('os').listdir.__class__.__name__)\n"
    )
    from subprocess import run as start

    done = start([sys.executable, "inline.py"], cwd=place, capture_output=True, text=True, check=True)
    warned, after = done.stdout.splitlines()
    assert "mkl.cbwr" in warned
    assert "system.time_zone" in warned
    assert after == "False builtin_function_or_method"


def test_a_forked_child_draws_from_the_seed_of_the_policy(reprokit, place):
    """Python lets the operating system seed `random` anew in every forked child."""
    (place / "train.py").write_text(FORKING)
    (_, first), (_, second) = (record(reprokit, place, "--seed", "7") for _ in range(2))
    assert first == second
    assert len(set(first.split())) == 3
    assert record(reprokit, place, "--seed", "8")[1] != first
