"""Finds the operations that have no deterministic kernel: what PyTorch warns of, or what ended the script.

In the mode ``warn`` PyTorch warns at each call; a filter at the head of Python's list of warning filters is asked
first, notes operation and line, and matches nothing, so the warning goes its way. In the mode ``strict`` it raises: at
exit the interpreter still has the error that ended the script.
Source: ``Context::alertNotDeterministic`` in PyTorch's ``aten/src/ATen/Context.cpp``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reprokit.observe.start import Session

_SWITCH = "torch.deterministic_algorithms"
_MISSING = re.compile(r"(\S+) does not have a deterministic implementation")
_CUBLAS = "this operation is not deterministic because it uses CuBLAS"
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
_LOOKS = 4  # a script may put filters of its own in front of ours before its first steps


def operation_in(text: str) -> str:
    """The operation that a message of PyTorch complains of, or an empty text."""
    found = _MISSING.search(text)
    return found[1] if found else "a matrix product by cuBLAS" if _CUBLAS in text else ""


class _Watcher:
    """Stands in a warning filter in the place of a regular expression, and matches nothing."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note

    def match(self, text: str) -> None:
        """Is shown the text of every warning of the category."""
        try:
            operation = operation_in(text)
            if operation:
                self._note(operation)
        except Exception:  # noqa: BLE001, S110 - nothing of ours may turn a warning into an error
            pass

    def __reduce__(self) -> Any:
        """Filters are sent to worker processes, where ours has nothing to do: there it matches nothing too."""
        return re.compile, ("(?!)",)


class Unrepeatable:
    """Notes each operation without a deterministic kernel once for each line that calls it."""

    def __init__(self, torch: Any, session: Session) -> None:
        self._torch = torch
        self._session = session
        self._root = str(session.config.get("root", "/"))
        self._said: set[tuple[str, str]] = set()
        self._looks = _LOOKS
        self._filter = ("default", _Watcher(self._warned), UserWarning, None, 0)

    def look(self) -> None:
        """Puts the filter in front of all others where the mode ``warn`` is on; a few times, in the first steps."""
        if not self._looks:
            return
        self._looks -= 1
        torch = self._torch
        if not torch.are_deterministic_algorithms_enabled():
            return
        import warnings

        filters: Any = warnings.filters
        if isinstance(filters, list) and (not filters or filters[0] is not self._filter):
            if self._filter in filters:
                filters.remove(self._filter)
            filters.insert(0, self._filter)  # the registries of warnings that were shown stay valid

    def close(self) -> None:
        """At exit: what ended the script?"""
        error = getattr(sys, "last_value", None)
        seen: set[int] = set()
        while isinstance(error, BaseException) and id(error) not in seen:
            seen.add(id(error))
            operation = operation_in(str(error))
            if operation:
                self._say(operation, [*_places_in(str(error)), *_places_of(error)])
                return
            error = error.__cause__ or error.__context__

    def _warned(self, operation: str) -> None:
        frame: Any = sys._getframe(2)
        places = []
        while frame is not None:
            places.append((frame.f_code.co_filename, frame.f_lineno))
            frame = frame.f_back
        self._say(operation, places[::-1])

    def _say(self, operation: str, places: list[tuple[str, int]]) -> None:
        """Names the innermost place in the user's own code."""
        place = ""
        for file, line in places:
            path = str(Path(file).absolute())
            if path.startswith(self._root) and "site-packages" not in path and not file.startswith("<"):
                place = f"{path.removeprefix(self._root).lstrip('/')}:{line}"
        if (operation, place) not in self._said:
            self._said.add((operation, place))
            self._session.note("policy-problem", _SWITCH, operation, place)


def _places_of(error: BaseException) -> Iterator[tuple[str, int]]:
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next


def _places_in(text: str) -> Iterator[tuple[str, int]]:
    """The places of a traceback that was sent as text: `torch.multiprocessing.spawn` does so."""
    for file, line in _FRAME.findall(text):
        yield file, int(line)
