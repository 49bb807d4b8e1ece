"""Every command in README and documentation is run, in order, and prints what the page shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import CommandLine


def _load(path: Path) -> Any:
    spec = spec_from_file_location(path.stem + "_of_docs_tests", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


docs = _load(Path(__file__).with_name("pages.py"))
FAST = {"docs/index.md", "docs/howto/unseeded.md"}

# A page with such a comment speaks of a project that lies in this repository.
_SAMPLE = re.compile(r"^<!-- project: (\S+) -->$", re.MULTILINE)
# The tests' environment holds plugins that a reader has not installed; one of them seeds every generator.
_NEIGHBOURS = "-p no:randomly -p no:asyncio -p no:benchmark -p no:cacheprovider -W ignore"

# A page that shows no script of its own speaks of any: this one stands for it.
ANY_SCRIPT = """import argparse
import numpy as np
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=1)
weights = np.random.default_rng().normal(size=4) * parser.parse_args().epochs
print(f"loss={np.square(weights).sum():.6f}")
np.save("weights.npy", weights)
"""


def _pages() -> list[Any]:
    found = []
    for path in docs.pages():
        name = str(path.relative_to(docs.ROOT))
        if any(isinstance(item, docs.Command) for item in docs.read_page(path.read_text(encoding="utf-8"))):
            found.append(pytest.param(path, id=name, marks=() if name in FAST else pytest.mark.slow))
    return found


def _needs(text: str) -> list[str]:
    modules = {"import torch": "torch", "sklearn.": "sklearn", "tests/sample_project": "torch"}
    return [module for sign, module in modules.items() if sign in text]


@pytest.mark.parametrize("page", _pages())
def test_page(page: Path, tmp_path: Path, reprokit: CommandLine) -> None:
    text = page.read_text(encoding="utf-8")
    for module in _needs(text):
        pytest.importorskip(module)
    items = docs.read_page(text)
    project, state = tmp_path / "project", tmp_path / "exported"
    sample = _SAMPLE.search(text)
    if sample is not None:
        shutil.copytree(docs.ROOT / sample[1], project, ignore=shutil.ignore_patterns("__pycache__", "__repro__"))
    else:
        project.mkdir()
        (project / "train.py").write_text(ANY_SCRIPT)
    state.touch()
    for item in items:  # the reader has the page's scripts before its first command; settings come where they stand
        if isinstance(item, docs.File) and item.name.endswith(".py"):
            (project / item.name).write_text(item.text)
    for item in items:
        if isinstance(item, docs.File):
            if not item.name.endswith(".py"):
                (project / item.name).write_text(item.text)
            continue
        if "--zstd" in item.text and shutil.which("zstd") is None:
            pytest.skip("zstd is not installed")
        _run(item, project, state, reprokit)


def _run(command: Any, project: Path, state: Path, reprokit: CommandLine) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = reprokit.environment(PATH=path, OMP_NUM_THREADS="2", PYTHONUTF8="1", PYTEST_ADDOPTS=_NEIGHBOURS)
    environment.pop("CI", None)  # the reader sits at a machine of their own; a page that means CI says so
    script = f'. "{state}"\n{command.text}\nstatus=$?\nexport -p > "{state}"\nexit $status\n'
    done = subprocess.run(
        ["bash", "-c", script], cwd=project, env=environment, stdin=subprocess.DEVNULL, timeout=300, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
    )  # fmt: skip
    assert done.returncode == command.status, f"$ {command.text}\n{done.stdout}"
    missing = docs.missing_line(command.shown, done.stdout)
    assert missing is None, f"$ {command.text}\nnever printed: {missing}\n{done.stdout}"


def test_a_wrong_page_is_noticed(tmp_path: Path, reprokit: CommandLine) -> None:
    """The control: a command that fails, a status that is not the shown one, and a line that is not printed."""
    state = tmp_path / "exported"
    state.touch()
    wrong = ["$ false", "$ true  # exit status 1", "$ echo one\ntwo", "$ printf 'b\\na\\n'\na\nb"]
    for session in wrong:
        (command,) = docs.read_page(f"```console\n{session}\n```\n")
        with pytest.raises(AssertionError):
            _run(command, tmp_path, state, reprokit)
    (command,) = docs.read_page("```console\n$ echo one two\none …\n```\n")
    _run(command, tmp_path, state, reprokit)


def test_quick_start_is_two_commands() -> None:
    quickstart = _load(docs.ROOT / "docs" / "tools" / "quickstart.py")
    first, second = quickstart.commands((docs.ROOT / "README.md").read_text(encoding="utf-8"))
    assert first.endswith("reprokit demo")
    assert "-m pytest" in second
    assert "docs/tools/quickstart.py 2" in (docs.ROOT / ".ci" / "run").read_text(encoding="utf-8")
