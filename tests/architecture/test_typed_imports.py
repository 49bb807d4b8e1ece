"""The types hold in the environment of the gate, which has what `lint` installs and no optional library."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import reprokit

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGE = Path(reprokit.__file__).parent
# pytest's inner package, what pydantic brings, and two modules of our own that stand on a program's path by themselves
BESIDES = {"_pytest", "typing_extensions", "isolated_child", "sitecustomize"}
PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())


def imported_from(sources: Iterable[str]) -> set[str]:
    """The first names of what the sources import from elsewhere, inside functions too."""
    found: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"reprokit"}


def unsaid(names: Iterable[str]) -> list[str]:
    """Those that mypy would look for and not find where nothing but `lint` is installed."""
    extra = PROJECT["project"]["optional-dependencies"]["lint"]
    there = {re.split(r"[^\w-]", wanted)[0].replace("-", "_") for wanted in PROJECT["project"]["dependencies"] + extra}
    passed_over = {
        module.removesuffix(".*")
        for part in PROJECT["tool"]["mypy"]["overrides"]
        if part.get("ignore_missing_imports")
        for module in part["module"]
    }
    return sorted(set(names) - there - passed_over - BESIDES)


def test_every_optional_library_is_one_that_mypy_may_not_find() -> None:
    files = (path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] != "demo")  # not looked at
    names = imported_from(path.read_text() for path in files)
    assert {"numpy", "sqlalchemy", "torch", "psycopg"} <= names
    assert unsaid(names) == []


def test_a_library_that_nobody_said_is_found() -> None:
    planted = "def f():\n    import no_such_library.part\n    from another_one import thing\n    import numpy, json\n"
    assert unsaid(imported_from([planted])) == ["another_one", "no_such_library"]
