"""tox, nox, the workflow and the package's classifiers name the same Pythons, frameworks and ways to run."""

from __future__ import annotations

import ast
import configparser
import itertools
import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def constants(text: str) -> dict[str, Any]:
    """The literals that a noxfile assigns at its top; nox itself need not be installed."""
    found: dict[str, Any] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


def tox_cells(text: str) -> set[tuple[str, ...]]:
    """The cells of tox's matrix: every combination of what stands in braces."""
    ini = configparser.ConfigParser(interpolation=None)
    ini.read_string(text)
    parts = re.findall(r"\{([^}]*)\}", ini["tox"]["env_list"])
    return set(itertools.product(*(part.split(",") for part in parts)))


def nox_cells(text: str) -> set[tuple[str, ...]]:
    """The same of nox's session ``matrix``."""
    known = constants(text)
    pythons = [python.replace(".", "") for python in known["PYTHONS"]]
    return set(itertools.product(pythons, known["EXTRAS"], known["RUNNERS"]))


TOX, NOX = (ROOT / "tox.ini").read_text(), (ROOT / "noxfile.py").read_text()


def test_tox_and_nox_have_the_same_cells() -> None:
    assert len(tox_cells(TOX)) == 40
    assert tox_cells(TOX) == nox_cells(NOX)


def test_a_cell_that_one_of_them_lacks_is_noticed() -> None:
    """The controls."""
    assert tox_cells(TOX.replace("314", "315")) != nox_cells(NOX)
    assert tox_cells(TOX) != nox_cells(NOX.replace('    "sklearn": "test,sklearn",\n', ""))
    assert tox_cells(TOX.replace(",none}", "}")) != nox_cells(NOX)


def test_both_install_the_same_extras_and_run_the_same_tests() -> None:
    ini = configparser.ConfigParser(interpolation=None)
    ini.read_string(TOX)
    lines = [line.partition(": ")[::2] for line in ini["testenv"]["extras"].split("\n") if line]
    known = constants(NOX)
    for framework, extras in known["EXTRAS"].items():
        ours = {extra or name for name, extra in lines if not extra or name == framework}
        assert ours == set(extras.split(",")), framework
    assert ini["core"]["tests"].split() == [f"tests/unit/{name}" for name in known["CORE_TESTS"]]
    commands = ini["testenv"]["commands"]
    for runner, options in known["RUNNERS"].items():
        found = re.findall(rf'core-{runner}: python -m pytest (.*?)"(.*?)"', commands)
        assert len(found) == 2, "the core's own command, and the one of all others"
        assert [[*before.split(), marks] for before, marks in found] == [options, options]


def test_the_workflow_and_the_classifiers_agree() -> None:
    known = constants(NOX)
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    pythons = re.search(r"^ +python: \[(.*)\]$", workflow, re.MULTILINE)
    frameworks = re.search(r"^ +framework: \[(.*)\]$", workflow, re.MULTILINE)
    assert pythons is not None
    assert frameworks is not None
    assert [one.strip(' "') for one in pythons[1].split(",")] == known["PYTHONS"]
    assert [one.strip() for one in frameworks[1].split(",")] == list(known["EXTRAS"])
    assert set(re.findall(r"-\$\{FRAMEWORK\}-(\w+)", workflow)) == set(known["RUNNERS"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [one.rpartition(" ")[2] for one in project["classifiers"] if re.fullmatch(r".*:: 3\.\d+", one)]
    assert named == known["PYTHONS"]
