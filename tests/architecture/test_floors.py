"""Reads the imports of the package and holds its floors: each imports from those below, never from above."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import reprokit

PACKAGE = Path(reprokit.__file__).parent
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)
FLOORS = {
    "errors": 0, "demo": 0,
    "digest": 1, "schema": 1,
    "capture": 2, "frameworks": 2, "policy": 2, "trace": 2, "bundle": 2, "compare": 2, "lineage": 2, "report": 2,
    "lint": 2, "datasets": 2,
    "launch": 3, "observe": 3,
    "verbs": 4, "checks": 4,
    "cli": 5, "pytest_plugin": 5, "api": 5, "strategies": 5, "testing": 5, "__main__": 5,
}  # fmt: skip
PILLARS = {name for name, floor in FLOORS.items() if floor == 2}
# What a framework's adapter says of the process it runs in is typed by `observe`, which loads it by name. Of the
# policies it knows how one seed becomes its framework's, and nothing else.
ADAPTERS_SEE = {"trace"}
ADAPTERS_SEE_MODULES = {"reprokit.policy.seeds"}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """The reprokit modules that a file imports when it runs; imports for type checkers alone are left out."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for child in node.orelse:
                visit(child)
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    known = {module_of(file) for file in FILES}
    return {name for name in found if name in known and name != "reprokit"}


def part_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def problems(module: str, imported: set[str]) -> list[str]:
    here = part_of(module)
    said = []
    for name in sorted(imported):
        there = part_of(name)
        if not here or there == here:
            continue
        up = FLOORS[there] > FLOORS[here]
        beside = FLOORS[there] == FLOORS[here] and there in PILLARS
        allowed = here == "frameworks" and (there in ADAPTERS_SEE or name in ADAPTERS_SEE_MODULES)
        if up or (beside and not allowed):
            said.append(f"{module} imports {name}")
    return said


def test_the_package_was_read() -> None:
    assert len(FILES) > 100
    assert {part_of(module_of(path)) for path in FILES} - {""} <= set(FLOORS)


def test_no_import_runs_up_a_floor_and_pillars_do_not_know_each_other() -> None:
    assert [said for path in FILES for said in problems(module_of(path), imports_of(path))] == []


@pytest.mark.parametrize(
    ("module", "imported"),
    [("reprokit.trace.raw", "reprokit.observe.sink"), ("reprokit.bundle.reader", "reprokit.capture.git"),
     ("reprokit.errors", "reprokit.digest"), ("reprokit.launch.runner", "reprokit.verbs.record"),
     ("reprokit.verbs.record", "reprokit.cli.output"), ("reprokit.frameworks.torch.state", "reprokit.capture.git"),
     ("reprokit.frameworks.torch.state", "reprokit.policy.policies")],
)  # fmt: skip
def test_the_rule_refuses_a_planted_import(module: str, imported: str) -> None:
    assert problems(module, {imported}) == [f"{module} imports {imported}"]


def test_no_import_runs_in_a_circle() -> None:
    graph = {module_of(path): imports_of(path) for path in FILES}
    assert circle(graph) is None
    assert circle({**graph, "reprokit.errors": {"reprokit.verbs.record"}}) is not None


def circle(graph: dict[str, set[str]]) -> list[str] | None:
    state: dict[str, int] = {}

    def walk(module: str, trail: list[str]) -> list[str] | None:
        state[module] = 1
        for name in sorted(graph.get(module, ())):
            inside = f"{name}.".startswith(f"{module}.") or f"{module}.".startswith(f"{name}.")
            if inside or state.get(name) == 2:  # a package and its own modules load together
                continue
            found = [*trail, name] if state.get(name) == 1 else walk(name, [*trail, name])
            if found:
                return found
        state[module] = 2
        return None

    for module in sorted(graph):
        if module not in state and (found := walk(module, [module])):
            return found
    return None


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(PACKAGE)) for path in FILES])
def test_a_file_and_its_functions_fit_in_a_head(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            code = node.body[1:] if ast.get_docstring(node) is not None else node.body
            length = (code[-1].end_lineno or 0) - code[0].lineno + 1 if code else 0
            assert length <= 40, f"{node.name} has {length} lines of code"
