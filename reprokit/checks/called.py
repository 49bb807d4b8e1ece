"""The program of a fresh process: imports one function, calls it, and writes the leaves of its result.

``python -m reprokit.checks.called DIRECTORY``; the directory holds ``call.json`` and gets ``result.json`` and arrays.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

from reprokit.checks.generators import reseed
from reprokit.compare.values import flatten
from reprokit.compare.values.stored import Store


def main(directory: Path) -> None:
    """Calls the function that ``call.json`` names."""
    call = json.loads((directory / "call.json").read_text())
    sys.path[:] = call["path"]
    found: Any = _module(call["module"], call["file"])
    for part in call["name"].split("."):
        found = getattr(found, part)
    reseed(0)
    value = found()
    if value is None:
        raise SystemExit(f"{call['name']} returns nothing that could be compared: return the result")
    (directory / "result.json").write_text(json.dumps(Store(directory).put(flatten(value))))


def _module(name: str, file: str) -> Any:
    """Imports a module by name, or from its file where no entry of the path leads to it (pytest's importlib mode)."""
    try:
        module = importlib.import_module(name)
        if getattr(module, "__file__", None) == file:
            return module
    except ImportError:
        pass
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{file} is no module that Python can load")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(Path(sys.argv[1]))
