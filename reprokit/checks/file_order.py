"""A result must not depend on the order in which a file system lists a directory."""

from __future__ import annotations

import os
import random
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from reprokit.checks import generators
from reprokit.checks.results import InvarianceError, disagreement, name_of, result_of, text_of
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LIBRARY = {"os", "glob", "pathlib", "shutil", "fnmatch", "posixpath", "pathlib._local", "pathlib._os", "_pyrepl"}
_SEED = 20


@dataclass
class _Seen:
    """Which listings a function asked for, and from where."""

    longest: int = 0
    callers: list[str] = field(default_factory=list)

    def add(self, count: int) -> None:
        self.longest = max(self.longest, count)
        frame: Any = sys._getframe(1)
        while frame is not None and frame.f_globals.get("__name__") in {*_LIBRARY, __name__, "contextlib"}:
            frame = frame.f_back
        if frame is not None:
            caller = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
            if caller not in self.callers:
                self.callers.append(caller)


def order_of_files_invariant(fn: Callable[[], Any], directory: str | Path) -> None:
    """Calls a function while `os.listdir`, `os.scandir` and all that stands on them list a directory in other orders.

    That covers `glob`, `pathlib` and `os.walk` in this process. Code that lists directories without Python, and other
    processes, are not covered. Every call starts from the same states of the global generators.

    Args:
        fn: takes nothing, returns anything that `flatten` takes.
        directory: listings of it and of all below it are permuted: sorted, reversed, shuffled.

    Raises:
        InvarianceError: RPK075, with the place in the code that lists the directory.
        UsageError: RPK077, the function lists nothing there, or only directories of one entry: nothing would vary.
    """
    root = Path(directory).resolve()
    orders: dict[str, Callable[[list[str]], list[str]]] = {
        "sorted": sorted, "reversed": lambda names: sorted(names, reverse=True), "shuffled": _shuffled,
        "sorted again": sorted,
    }  # fmt: skip
    seen = _Seen()
    with generators.kept() as before:
        first = None
        for label, order in orders.items():
            generators.restore(before)
            with _listing(root, order, seen):
                now = result_of(fn)
            first = first or now
            if (found := disagreement(first, now)) is not None:
                if label == "sorted again":
                    message = f"{name_of(fn)} differs twice with one order of files: {text_of(found)}"
                    raise InvarianceError("RPK075", message, "Check it with run_to_run first.")
                places = ", ".join(seen.callers[:3])
                message = f"{name_of(fn)} depends on the order of files in {root}: sorted -> {label}: {text_of(found)}"
                raise InvarianceError("RPK075", f"{message}\n  cause: listed at {places}, and not sorted",
                                      "Sort what os.listdir, glob or iterdir gives: sorted(...).")  # fmt: skip
    if seen.longest < 2:
        what = "nothing" if not seen.callers else "only directories of one entry"
        raise UsageError("RPK077", f"{name_of(fn)} lists {what} below {root}, so no order was varied",
                         "Give the directory that it lists, with two files or more.")  # fmt: skip


def _shuffled(names: list[str]) -> list[str]:
    found = sorted(names)
    random.Random(_SEED).shuffle(found)  # noqa: S311 - an order, not a secret
    # Of two names a shuffle may give back the order that was tried first.
    return found if found != sorted(names) else found[::-1]


@contextmanager
def _listing(root: Path, order: Callable[[list[str]], list[str]], seen: _Seen) -> Iterator[None]:
    """Replaces the two functions on which all of Python's listings stand."""
    listdir, scandir = os.listdir, os.scandir

    def ours(path: Any) -> bool:
        return not isinstance(path, int) and Path(os.fsdecode(path or ".")).resolve().is_relative_to(root)

    def ordered_listdir(path: Any = None) -> Any:
        names: list[Any] = listdir(path) if path is not None else listdir()
        if not ours(path if path is not None else "."):
            return names
        seen.add(len(names))
        by_name = {os.fsdecode(name): name for name in names}
        return [by_name[name] for name in order(list(by_name))]

    def ordered_scandir(path: Any = None) -> Any:
        entries = scandir(path) if path is not None else scandir()
        if not ours(path if path is not None else "."):
            return entries
        with entries:
            by_name = {os.fsdecode(entry.name): entry for entry in entries}
        seen.add(len(by_name))
        return _Entries([by_name[name] for name in order(list(by_name))])

    os.listdir, os.scandir = ordered_listdir, ordered_scandir
    try:
        yield
    finally:
        os.listdir, os.scandir = listdir, scandir


class _Entries:
    """Entries in the order that was chosen, with what an iterator of `os.scandir` has."""

    def __init__(self, entries: list[Any]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())
