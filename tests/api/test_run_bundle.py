"""`reprokit.run` in a script: the bundle is the one that `reprokit record` makes."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

import reprokit
from reprokit.errors import UsageError
from reprokit.trace.raw import EXPLICIT, LOSS

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import CommandLine

    from tests.api.conftest import Python

TRAIN = """
import pathlib, sys
import numpy as np
import reprokit
import helper

weights = np.zeros(3)
with reprokit.run(params={"rate": 0.1, "sizes": (2, 3)}, seed=7, output="run.repro.tar.zst") as run:
    data = np.loadtxt("data.csv")
    run.input("notes.txt")
    run.track(weights=weights)
    for step in range(4):
        weights -= 0.1 * (weights - data * np.random.normal(size=3))
        loss = float((weights ** 2).sum())
        print("step", step, "loss", loss)
        run.step(loss=loss, batch=data)
    np.save("weights.npy", weights)
    run.output("declared.txt").write_text("done")
    run.metric("norm", float(np.linalg.norm(weights)), step=4)
pathlib.Path("after.txt").write_text("not part of the run")
"""


@pytest.fixture
def project(python: Python, tmp_path: Path) -> Path:
    (tmp_path / "data.csv").write_text("1 2 3\n")
    (tmp_path / "notes.txt").write_text("read by nobody")
    (tmp_path / "helper.py").write_text("RATE = 0.1\n")
    return tmp_path


def test_it_holds_what_the_command_line_records(project: Path, python: Python, reprokit: CommandLine) -> None:
    import reprokit as api

    python.script(TRAIN)
    outer = reprokit("record", "-o", "outer.repro.tar.zst", "--", _python(), "train.py", cwd=project,
                     env={"PYTHONHASHSEED": "0"})  # fmt: skip
    assert outer.status == 0, outer.text
    with api.open("run.repro.tar.zst") as own, api.open("outer.repro.tar.zst") as other:
        assert own.manifest.schema_id == other.manifest.schema_id
        assert own.params == other.params == {"rate": 0.1, "sizes": [2, 3]}
        assert own.manifest.run.seed == other.manifest.run.seed == 7
        assert own.metrics == other.metrics
        assert set(own.inputs) == set(other.inputs) == {"data.csv", "notes.txt", "helper.py", "train.py"}
        assert {k: v.sha256 for k, v in own.inputs.items()} == {k: v.sha256 for k, v in other.inputs.items()}
        assert set(own.outputs) == {"weights.npy", "declared.txt"}
        assert set(other.outputs) == set(own.outputs) | {"after.txt"}
        assert own.manifest.run.environment == other.manifest.run.environment
        assert own.manifest.packages == other.manifest.packages
        assert own.manifest.host["machine"] == other.manifest.host["machine"]
        assert own.streams == other.streams == ["train"]
        for bundle in (own, other):
            assert bundle.steps["step"].tolist() == [1, 2, 3, 4]
            assert (bundle.steps["flags"] & (EXPLICIT | LOSS) == EXPLICIT | LOSS).all()
            assert bundle.manifest.streams[0].delimited_by == "explicit"
        assert own.steps["loss"].tobytes() == other.steps["loss"].tobytes()
        for part in ("batch", "loss", "parameters", "rng"):
            mine, theirs = own.trace().parts[part], other.trace().parts[part]
            assert (mine.read(0, 4) == theirs.read(0, 4)).all(), part
        extra = set(other.members) ^ set(own.members)
        assert {name for name in extra if not name.startswith("ambient/")} == {"outputs/after.txt"}
    verdict = api.compare("run.repro.tar.zst", "outer.repro.tar.zst")
    assert verdict.divergence is None or verdict.divergence.part == "output"


def _python() -> str:
    import sys

    return sys.executable


def test_stock_tools_open_it(project: Path, python: Python) -> None:
    python.script(TRAIN)
    plain = subprocess.run(["zstd", "-dc", "run.repro.tar.zst"], cwd=project, capture_output=True, check=True).stdout
    (project / "plain.tar").write_bytes(plain)
    with tarfile.open(project / "plain.tar") as tar:
        assert {"manifest.json", "outputs/weights.npy", "trace/train/steps.npy"} <= set(tar.getnames())


def test_an_input_that_changes_during_the_run_is_kept_as_it_was_read(project: Path, python: Python) -> None:
    python.script("""
import time, reprokit
with reprokit.run(output="run.repro.tar.zst"):
    text = open("data.csv").read()
    time.sleep(0.3)
    open("data.csv", "w").write("9 9 9")
""")
    with reprokit.open("run.repro.tar.zst") as bundle:
        assert bundle.read("data.csv" if "data.csv" in bundle.outputs else "data/data.csv") == b"9 9 9"
        entry = bundle.inputs["data.csv"]
        assert bundle.read(entry.member or "") == b"1 2 3\n"
        assert entry.changed
        assert entry.sha256_after == bundle.outputs["data.csv"].sha256
        assert entry.sha256_after != entry.sha256


def test_a_failure_is_bundled_and_goes_on(project: Path, python: Python) -> None:
    done = python.script("""
import reprokit
with reprokit.run(output="run.repro.tar.zst") as run:
    run.step(loss=0.5)
    raise ValueError("the loss is not finite")
""", status=1)  # fmt: skip
    assert "ValueError: the loss is not finite" in done.stderr
    with reprokit.open("run.repro.tar.zst") as bundle:
        assert bundle.manifest.run.exit_status == 1
        assert b"ValueError: the loss is not finite" in bundle.read("logs/stderr.txt")
        assert len(bundle.steps) == 1
        assert "failed" in repr(bundle)


@pytest.mark.parametrize(
    ("ending", "recorded", "status"),
    [("sys.exit()", 0, 0), ("sys.exit(3)", 3, 3), ("sys.exit('no')", 1, 1), ("raise KeyboardInterrupt", 130, -2)],
)
def test_the_way_it_ended_is_recorded(python: Python, ending: str, recorded: int, status: int) -> None:
    text = f"import sys, reprokit\nwith reprokit.run(output='run.repro.tar.zst'):\n    {ending}\n"
    python.script(text, status=status)
    with reprokit.open("run.repro.tar.zst") as bundle:
        assert bundle.manifest.run.exit_status == recorded


def test_the_process_is_left_as_it_was_found(python: Python) -> None:
    python.script("""
import builtins, gc, os, random, sys, threading
import numpy as np
import torch
import reprokit

own = ("TORCHINDUCTOR_CACHE_DIR", "KMP_DUPLICATE_LIB_OK")  # PyTorch sets them when it loads its compiler

def state():
    return ({k: v for k, v in os.environ.items() if k not in own}, sys.stdout, sys.stderr, os._Environ.__getitem__,
            torch.are_deterministic_algorithms_enabled(),
            torch.backends.cudnn.deterministic, torch.utils.deterministic.fill_uninitialized_memory, sys.path[:],
            os.getcwd(), sorted(t.name for t in threading.enumerate()))

torch.utils.deterministic.fill_uninitialized_memory = False
before = state()
for number in range(3):
    with reprokit.run(policy="deterministic", output="run.repro.tar.zst"):
        assert torch.are_deterministic_algorithms_enabled()
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        torch.nn.Linear(2, 2)(torch.ones(1, 2)).sum().backward()
    assert [a for a, b in zip(before, state(), strict=True) if a != b] == []
    if number == 0:
        gc.collect()
        files = len(os.listdir("/proc/self/fd"))
gc.collect()  # as before
assert len(os.listdir("/proc/self/fd")) == files, os.listdir("/proc/self/fd")
""")


def test_many_runs_each_have_their_own_trace(python: Python) -> None:
    python.script("""
import os, reprokit
for number in range(1, 6):
    with reprokit.run(name="trial", params={"number": number}) as run:
        for _ in range(number):
            run.step(loss=number)
        run.metric("number", number)
        print("run", number)
        open(f"{number}.txt", "w").write("x")
    files = os.listdir("/proc/self/fd")
assert len(files) < 20, files
""")
    for number in range(1, 6):
        name = "trial.repro.tar.zst" if number == 1 else f"trial-{number}.repro.tar.zst"
        with reprokit.open(name) as bundle:
            assert bundle.params == {"number": number}
            assert bundle.steps["loss"].tolist() == [number] * number
            assert bundle.metrics["number"] == number
            assert bundle.read("logs/stdout.txt") == f"run {number}\n".encode()
            assert f"{number}.txt" in bundle.outputs
            window = bundle.manifest.run.window
            assert window is not None
            assert (window.process, window.number) == ("train", number)


def test_what_a_users_thread_reads_is_seen_though_a_thread_of_ours_had_its_number(python: Python) -> None:
    """The system gives a new thread the number of one that has ended, such as those that looked at an earlier run."""
    with tempfile.TemporaryDirectory() as elsewhere:  # where no file is looked at from outside
        python.script(f"""
import pathlib, queue, threading, reprokit
for number in range(4):
    pathlib.Path({elsewhere!r}, str(number)).write_text("x")
with reprokit.run(output="first.repro.tar.zst"):
    pass
asked, read = queue.SimpleQueue(), queue.SimpleQueue()
def work():
    with open(asked.get()) as file:
        read.put(file.read())
threads = [threading.Thread(target=work) for number in range(4)]
for thread in threads:
    thread.start()
with reprokit.run(output="run.repro.tar.zst"):
    for number in range(4):
        asked.put(f"{elsewhere}/{{number}}")
        assert read.get() == "x"
""")
        with reprokit.open("run.repro.tar.zst") as bundle:
            assert {f"{elsewhere}/{number}" for number in range(4)} <= set(bundle.inputs)


def test_a_run_inside_a_run_joins_it(python: Python) -> None:
    python.script("""
import reprokit
with reprokit.run(params={"a": 1}, output="outer.repro.tar.zst") as outer:
    with reprokit.run(params={"b": 2}, output="inner.repro.tar.zst") as inner:
        inner.metric("m", 0.5)
    assert inner.bundle is None and inner.report is None
""")
    with reprokit.open("outer.repro.tar.zst") as bundle:
        assert bundle.params == {"a": 1, "b": 2}
        assert bundle.metrics["m"] == 0.5


def test_children_are_observed_and_a_forked_child_writes_no_bundle(python: Python) -> None:
    python.script("""
import os, subprocess, sys, reprokit
with reprokit.run(output="run.repro.tar.zst") as run:
    subprocess.run([sys.executable, "-c", "open('child.txt', 'w').write('x')"], check=True)
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
if not pid:
    os._exit(0 if run.bundle is None else 1)
assert run.bundle.exists()
""")
    with reprokit.open("run.repro.tar.zst") as bundle:
        assert "child.txt" in bundle.outputs
        assert "train/command" in bundle.streams or "command" in bundle.streams


def test_secrets_in_parameters_are_left_out(python: Python) -> None:
    python.script("""
import reprokit
with reprokit.run(params={"api_key": "sk-9f8e7d6c5b4a39281706f5e4d3c2b1a0", "rate": 0.5}, output="run.repro.tar.zst"):
    pass
""")
    with reprokit.open("run.repro.tar.zst") as bundle:
        assert bundle.params == {"api_key": "[redacted]", "rate": 0.5}
        assert any(notice.code == "RPK045" for notice in bundle.manifest.warnings)
    raw = subprocess.run(["zstd", "-dc", "run.repro.tar.zst"], capture_output=True, check=True).stdout
    assert raw.count(b"9f8e7d6c5b4a39281706f5e4d3c2b1a0") <= 1  # in the script itself, which is code


@pytest.mark.parametrize("seed", [0, 2**32 - 1, 2**32, 2**63, 2**64 - 1, 2**64, -1, 10**40])
def test_any_seed_seeds_every_generator(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import random

    import torch

    monkeypatch.chdir(tmp_path)
    draws = []
    for _ in range(2):
        with reprokit.run(seed=seed, trace="off", output="run.repro.tar.zst"):
            draws.append((random.random(), float(np.random.rand()), float(torch.rand(1))))  # noqa: NPY002
    assert draws[0] == draws[1]
    with reprokit.open("run.repro.tar.zst") as bundle:
        assert int(bundle.manifest.run.seed or 0) == seed


def test_a_library_imported_later_is_seeded_too(python: Python) -> None:
    text = """
import sys, reprokit
with reprokit.run(seed=5, trace="off", output="run.repro.tar.zst"):
    assert "torch" not in sys.modules
    import torch
    print(torch.rand(1).item())
"""
    assert python.script(text).stdout == python.script(text).stdout


def test_without_a_hash_seed_the_bundle_says_so(python: Python) -> None:
    text = "import reprokit\nwith reprokit.run(output='run.repro.tar.zst'): pass\n"
    python.environment.pop("PYTHONHASHSEED")
    python.script(text)
    with reprokit.open("run.repro.tar.zst") as bundle:
        assert bundle.manifest.run.hash_seed is None
        assert any(notice.code == "RPK083" for notice in bundle.manifest.warnings)


@pytest.mark.parametrize(
    ("options", "code"),
    [({"params": {"f": len}}, "RPK081"), ({"params": {1: 2}}, "RPK081"), ({"seed": "7"}, "RPK001"),
     ({"seed": True}, "RPK001"), ({"policy": "fats"}, "RPK120"), ({"trace": "all"}, "RPK001")],
)  # fmt: skip
def test_wrong_options_are_refused_at_once(options: dict[str, object], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        reprokit.run(**options)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_wrong_use_is_refused_and_names_the_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = reprokit.run(output="run.repro.tar.zst")
    with pytest.raises(UsageError, match=r"RPK082.*not begun"):
        run.step()
    with run:
        with pytest.raises(UsageError, match="RPK006"):
            run.input("missing.csv")
        with pytest.raises(UsageError, match="RPK070"):
            run.track(model=object())
        with pytest.raises(TypeError):
            run.metric("name", "text")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"RPK082.*done"):
        run.metric("m", 1)
    with pytest.raises(UsageError, match="RPK082"), run:
        pass
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="RPK005"), reprokit.run(output="file/run.repro.tar.zst"):
        raise AssertionError("the block must not be entered")
    with reprokit.run(output="again.repro.tar.zst") as again:
        pass
    assert again.bundle is not None


def test_a_declared_output_that_was_not_written_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with reprokit.run(output="run.repro.tar.zst") as run:
        run.output("missing.pt")
    assert run.report is not None
    assert [n.message for n in run.report.warnings if n.code == "RPK006"] == [
        f"{tmp_path}/missing.pt was declared as an output and was not written"
    ]
