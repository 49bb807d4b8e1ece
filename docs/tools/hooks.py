"""MkDocs hooks: a line `<!-- generated: NAME -->`, and `NOTE` below it, become what the code says now."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

HERE = Path(__file__).parent
NOTE = "*Filled in when the pages are built; `nox -s docs -- serve` shows it.*"
"""Stands below each marker for those who read the file as it is."""
MARKER = re.compile(rf"^<!-- generated: (\w+) -->(?:\n{re.escape(NOTE)})?$", re.MULTILINE)


def load(name: str) -> ModuleType:
    """A module of this directory."""
    spec = importlib.util.spec_from_file_location(f"reprokit_docs_{name}", HERE / f"{name}.py")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def generated(name: str) -> str:
    """What stands for a marker.

    Raises:
        AttributeError: no generator has this name.
    """
    if name.startswith("imports_"):
        imports = load("imports")
        return str(getattr(imports, name.removeprefix("imports_"))(imports.edges()))
    if name == "python_api":
        return str(load("api").reference())
    if name == "conformance":
        return str(load("conformance").table())
    if name.startswith("dataset_"):
        return str(getattr(load("datasets"), name.removeprefix("dataset_"))())
    if name.startswith("lineage_"):
        return str(getattr(load("lineage"), name.removeprefix("lineage_"))())
    return str(getattr(load("reference"), name)())


def on_page_markdown(markdown: str, **_given: Any) -> str:
    """Called by MkDocs for each page."""
    return MARKER.sub(lambda found: generated(found[1]), markdown)
