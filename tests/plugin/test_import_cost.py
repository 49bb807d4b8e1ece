"""Unused, the plugin costs next to nothing: what it does not import, and how long it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"torch", "tensorflow", "jax", "numpy", "pydantic", "zstandard", "xxhash", "rich", "click", "scipy", "pandas"}

CONFTEST = """
import json, sys

def pytest_unconfigure(config):
    with open("modules.json", "w") as file:
        json.dump(sorted(sys.modules), file)
"""


def modules(directory: Path, *arguments: str) -> set[str]:
    """The modules of a pytest session that is started as a user does, with the plugin's own entry point."""
    (directory / "conftest.py").write_text(CONFTEST)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON", "CI"))}
    names = (
        "randomly",
        "benchmark",
        "rerunfailures",
        "asyncio",
        "hypothesispytest",
        "cov",
        "html",
        "metadata",
        "forked",
    )
    others = [word for name in (*names, "xdist", "platformdirs") for word in ("-p", f"no:{name}")]
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *others, *arguments], cwd=directory, env=environment, check=True,
        capture_output=True,
    )  # fmt: skip
    return set(json.loads((directory / "modules.json").read_text()))


@pytest.mark.parametrize("arguments", [(), ("--collect-only",), ("--repro=off",)])
def test_a_session_that_does_not_use_it_imports_nothing_heavy(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "test_a.py").write_text("def test_it(): assert 1\n")
    found = modules(tmp_path, *arguments)
    assert "reprokit.pytest_plugin" in found  # it was loaded: by its entry point
    assert not found & HEAVY
    ours = {name for name in found if name.startswith("reprokit.") and not name.startswith("reprokit.pytest_plugin")}
    assert {name.split(".")[1] for name in ours} <= {"errors"}


def test_a_marked_test_that_is_switched_off_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("import pytest\n@pytest.mark.repro\ndef test_it(): assert 1\n")
    assert not modules(tmp_path, "--repro=off") & HEAVY


def test_the_control_sees_what_a_test_imports(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("import numpy\ndef test_it(): assert 1\n")
    assert "numpy" in modules(tmp_path)
