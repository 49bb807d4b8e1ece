"""Every public name has an example, and every example is run; a user's file passes `mypy --strict`."""

from __future__ import annotations

import doctest
import importlib
import inspect
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import reprokit

if TYPE_CHECKING:
    from pathlib import Path

_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
_OTHERS = {"Verdict", "__version__", "strategies"}  # a document, a text, and a module whose own names are listed below


def _public() -> dict[str, Any]:
    found = {name: getattr(reprokit, name) for name in reprokit.__all__ if name not in _OTHERS}
    found["compare"] = importlib.import_module("reprokit.api.judging").compare
    found |= {f"strategies.{name}": getattr(reprokit.strategies, name) for name in reprokit.strategies.__all__}
    methods = inspect.getmembers(reprokit.Run, inspect.isfunction)
    return found | {f"Run.{name}": method for name, method in methods if not name.startswith("_")}


@pytest.mark.parametrize("name", sorted(_public()))
def test_the_example_of(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    value = _public()[name]
    module = inspect.getmodule(value)
    tests = doctest.DocTestFinder(recurse=False).find(value, name, module=module, globs=dict(vars(module)))
    assert any(test.examples for test in tests), f"{name} has no example"
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=_FLAGS)
    for test in tests:
        runner.run(test, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_a_wrong_example_is_noticed() -> None:
    """The control."""
    test = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert doctest.DocTestRunner(optionflags=_FLAGS).run(test, out=lambda _text: None).failed == 1


def test_every_exported_name_is_there_and_documented() -> None:
    for name in reprokit.__all__:
        assert getattr(reprokit, name) is not None
        assert name in dir(reprokit)
    for name, value in _public().items():
        assert inspect.getdoc(value), name
    with pytest.raises(AttributeError, match="no_such_name"):
        reprokit.no_such_name  # noqa: B018


@pytest.mark.parametrize("first", ["reprokit.compare.files", "reprokit.verbs.compare", "reprokit"])
def test_compare_is_the_function_whatever_was_imported_before(first: str) -> None:
    code = (
        f"import {first}, reprokit\ntry:\n    reprokit.compare('a', 'b')\n"
        "except reprokit.errors.UsageError as error:\n    print(error.code)\n"
        "from reprokit.compare.files import compare_files\nimport reprokit.errors\n"
    )
    done = subprocess.run([sys.executable, "-c", f"import reprokit.errors\n{code}"], capture_output=True, text=True,
                          check=True, timeout=60)  # fmt: skip
    assert done.stdout == "RPK003\n"


@pytest.mark.parametrize("name", ["metric", "Run", "open", "recorded"])
def test_no_part_of_the_api_imports_a_framework(name: str) -> None:
    heavy = ("torch", "pandas", "hypothesis")
    code = f"import sys, reprokit; reprokit.{name}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


_USER = """
import numpy as np
import reprokit
from hypothesis import given
from pathlib import Path
from reprokit.strategies import arrays_with_edges, seeds

@reprokit.recorded(seed=7)
def train(rate: float, steps: int = 3) -> float:
    return rate * steps

@reprokit.recorded
async def later(rate: float) -> float:
    return rate

@given(arrays_with_edges(), seeds())
@reprokit.deterministic(runs=3)
def test_sum(array: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]", seed: int) -> None:
    array.sum()

with reprokit.run(params={"rate": 0.1}, seed=7, output=Path("x.repro.tar.zst")) as run:
    data: Path = run.input("data.csv")
    run.track(weights=np.zeros(3))
    number: int = run.step(loss=0.5, batch=[1, 2], extra=np.ones(2))
    run.metric("accuracy", 0.98, step=number)
    run.output("weights.npy")
bundle: Path | None = run.bundle
verdict: reprokit.Verdict = reprokit.replay("x.repro.tar.zst", runs=2, target="bitwise")
same: reprokit.Verdict = reprokit.compare("a", Path("b"))
with reprokit.open("x.repro.tar.zst") as opened:
    text: bytes = opened.read("logs/stdout.txt")
    names: list[str] = list(opened.tensors("weights.npz"))
    losses = opened.steps["loss"].tolist()
value: float = train(0.5, steps=2)
"""


@pytest.mark.slow
def test_a_users_file_is_typed(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(_USER)
    (tmp_path / "wrong.py").write_text(_USER + "train('fast')\nreprokit.replay('x', run=2)\nrun.step(0.5).loss\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "user.py", "wrong.py"], cwd=tmp_path,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    errors = done.stdout.splitlines()
    assert [line for line in errors if line.startswith("user.py")] == []
    assert len([line for line in errors if line.startswith("wrong.py") and ": error:" in line]) == 3, done.stdout
