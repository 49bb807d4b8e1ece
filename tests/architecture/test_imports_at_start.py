"""Fresh interpreters: what is not imported until it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from reprokit.frameworks import ADAPTERS
from reprokit.launch.recording import Observation, armed_environment, prepare
from reprokit.observe.reading import read_processes

if TYPE_CHECKING:
    from pathlib import Path

FRAMEWORKS = {"torch", "tensorflow", "jax", "keras", "sklearn", "pandas", "matplotlib"}
HEAVY = {"numpy", "pydantic", "zstandard", "rich", *FRAMEWORKS}


def modules(code: str, environment: dict[str, str] | None = None) -> set[str]:
    """The modules of a fresh interpreter that ran ``code``."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(chr(10) + '\\n'.join(sys.modules))"],
        capture_output=True, text=True, timeout=60, check=True, env=environment or dict(os.environ),
    )  # fmt: skip
    return set(done.stdout.splitlines())


def run_cli(*arguments: str) -> str:
    return f"""
from reprokit.cli import main
import sys
sys.argv = ["reprokit", {", ".join(map(repr, arguments))}]
try:
    main()
except SystemExit:
    pass
"""


def test_the_package_imports_nothing() -> None:
    assert modules("import reprokit") - modules("") <= {"reprokit", "__future__"}


@pytest.mark.parametrize("arguments", [("--version",), ("--help",)])
def test_the_version_needs_no_heavy_module(arguments: tuple[str, ...]) -> None:
    found = modules(run_cli(*arguments))
    assert "reprokit.cli" in found
    assert not found & HEAVY


def test_inspect_needs_no_framework(tmp_path: Path) -> None:
    found = modules(run_cli("inspect", str(tmp_path / "missing.repro.tar.zst")))
    assert "reprokit.cli.inspect" in found
    assert not found & FRAMEWORKS


def test_the_observer_adds_only_itself_to_a_script_that_imports_nothing(tmp_path: Path) -> None:
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "REPROKIT"))}
    prepare(tmp_path, Observation(root=str(tmp_path), frameworks=dict(ADAPTERS)))
    added = modules("", armed_environment(plain, tmp_path)) - modules("", plain)
    assert {process.role for process in read_processes(tmp_path)} == {"command"}
    ours = {name for name in added if name.partition(".")[0] == "reprokit"}
    assert {"reprokit.observe.start", "reprokit.observe.files"} <= ours
    assert not any(name.startswith(("reprokit.frameworks", "reprokit.launch", "reprokit.schema")) for name in ours)
    assert added - ours <= {"sitecustomize", "__future__", "atexit"}
