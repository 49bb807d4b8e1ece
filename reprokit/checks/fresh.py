"""A function's result must not depend on the hash seed of its process, which only a fresh one can change."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.checks.results import InvarianceError, disagreement, name_of, text_of
from reprokit.compare.values.stored import MOST_ROWS, take
from reprokit.errors import UsageError
from reprokit.launch.runner import Command, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reprokit.compare.values import Leaf

_LINES = 12


def hash_seed_invariant(fn: Callable[[], Any], seeds: Sequence[int] = (0, 1, 2), *, timeout: float = 300.0) -> None:
    """Calls a function in fresh processes with other ``PYTHONHASHSEED``: the result must not depend on it.

    The order of a set of texts, and whatever is made from it, changes with the hash seed. In every process the global
    generators of `random`, NumPy and PyTorch are seeded alike.

    Args:
        fn: a function at the top level of a module; takes nothing, returns anything that `flatten` takes.
        seeds: two hash seeds or more, 0 to 2**32 - 1.
        timeout: seconds for one process.

    Raises:
        InvarianceError: RPK075, with the leaf and the element.
        UsageError: RPK076, a fresh process cannot import the function, or it failed there; RPK077, fewer than two
            seeds.
    """
    if len(set(seeds)) < 2 or not all(0 <= seed < 2**32 for seed in seeds):
        raise UsageError("RPK077", f"seeds={tuple(seeds)} varies nothing", "Give two seeds from 0 to 2**32 - 1.")
    place = importable(fn)
    with tempfile.TemporaryDirectory(prefix="reprokit-fresh-") as directory:
        # The first seed again: a difference there is not one of the hash seed.
        results = [
            _call(fn, place, seed, Path(directory, str(n)), timeout) for n, seed in enumerate((seeds[0], *seeds))
        ]
        first = results[0]
        for seed, other in zip((seeds[0], *seeds[1:]), results[1:], strict=True):
            if (found := disagreement(first, other)) is None:
                continue
            if seed == seeds[0]:
                message = f"{name_of(fn)} differs between two processes with one hash seed: {text_of(found)}"
                raise InvarianceError("RPK075", message, "The hash seed is not the cause. Check it with run_to_run.")
            message = f"{name_of(fn)} depends on the hash seed: PYTHONHASHSEED={seeds[0]} -> {seed}: {text_of(found)}"
            cause = "the order of a set, or hash() of a text, goes into the result"
            raise InvarianceError("RPK075", f"{message}\n  cause: {cause}", "Sort sets before going through them.")


def importable(fn: Any) -> dict[str, str]:
    """How a fresh process finds a function: module, name and the module's file.

    Raises:
        UsageError: RPK076, it cannot: the message says why.
    """
    module, name = str(getattr(fn, "__module__", "")), str(getattr(fn, "__qualname__", ""))
    loaded: Any = sys.modules.get(module)
    if not name or loaded is None:
        raise UsageError("RPK076", f"{name_of(fn)} is no function of a loaded module (a partial or a callable object)")
    if "<" in name:
        kind = "a lambda" if name.endswith("<lambda>") else "defined inside another function"
        raise UsageError("RPK076", f"{name} is {kind}, which a fresh process cannot import")
    if module == "__main__" or not getattr(loaded, "__file__", None):
        raise UsageError("RPK076", f"{name} is defined in {module}, which a fresh process cannot import")
    found: Any = loaded
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not fn:
        raise UsageError("RPK076", f"{module}.{name} is not the function that was given: it was replaced or wrapped")
    return {"module": module, "name": name, "file": str(loaded.__file__)}


def _call(fn: Any, place: dict[str, str], seed: int, directory: Path, timeout: float) -> dict[str, Leaf]:
    """Calls the function in a fresh process and takes its leaves from there."""
    directory.mkdir()
    (directory / "call.json").write_text(json.dumps({**place, "path": sys.path}))
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    arguments = [sys.executable, "-m", "reprokit.checks.called", str(directory)]
    ended = run(
        Command(arguments, Path.cwd(), environment, directory, stdout=None, stderr=None, timeout_s=timeout,
                own_session=True)
    )  # fmt: skip
    if ended.timed_out:
        raise UsageError("RPK076", f"{name_of(fn)} did not end within {timeout:g} s in a fresh process", "timeout=...")
    result = directory / "result.json"
    if ended.status or not result.exists():
        said = (directory / "stderr.txt").read_text(errors="replace").splitlines()[-_LINES:]
        message = f"{name_of(fn)} failed in a fresh process with status {ended.status}:"
        raise UsageError("RPK076", "\n  ".join([message, *said]), "See what it says; there is no fixture in there.")
    leaves = {path: (entry, take(entry, directory)) for path, entry in json.loads(result.read_text()).items()}
    if gone := [path for path, (entry, leaf) in leaves.items() if leaf is None or _cut(entry)]:
        raise UsageError("RPK077", f"the result of {name_of(fn)} is too large to be compared ({gone[0]})",
                         "Return a digest or a part of it.")  # fmt: skip
    return {path: leaf for path, (_, leaf) in leaves.items() if leaf is not None}


def _cut(entry: dict[str, Any]) -> bool:
    """Whether not all rows of a leaf have crossed."""
    return len(entry.get("rows", ())) >= MOST_ROWS
