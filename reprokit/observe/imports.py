"""Calls a function right after a module has been imported, without importing it."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing costs 8 ms at start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class AfterImport:
    """A finder at the head of ``sys.meta_path`` that finds nothing itself.

    For a module that is waited for, it asks the other finders, and wraps ``exec_module`` of the loader *instance* that
    they return, so that the module's ``__spec__``, ``__loader__`` and resources are what they would have been.
    """

    def __init__(self, failed: Callable[[str, BaseException], None]) -> None:
        self._waiting: dict[str, Callable[[Any], None]] = {}
        self._failed = failed
        sys.meta_path.insert(0, self)

    def add(self, name: str, then: Callable[[Any], None]) -> None:
        """Runs ``then(module)`` after ``name`` has been imported, or at once when it has been already."""
        module = sys.modules.get(name)
        if module is not None:
            self._run(name, then, module)
        else:
            before = self._waiting.get(name)
            self._waiting[name] = then if before is None else _both(before, then)

    def _run(self, name: str, then: Callable[[Any], None], module: Any) -> None:
        try:
            then(module)
        except Exception as error:  # noqa: BLE001 - an observer that breaks is switched off, the import goes on
            self._failed(name, error)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Part of the finder protocol: None for every module that nobody waits for."""
        if name not in self._waiting:
            return None
        for finder in list(sys.meta_path):
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                self._wrap(name, spec.loader)
                return spec
        return None

    def _wrap(self, name: str, loader: Any) -> None:
        """Waits for this loader to run. ``importlib.util.find_spec`` also gets here, and then nothing is imported."""
        original = getattr(loader, "exec_module", None)
        if original is None or isinstance(loader, type):
            return

        def exec_module(module: Any) -> None:
            loader.__dict__.pop("exec_module", None)
            original(module)
            then = self._waiting.pop(name, None)
            if then is not None:
                self._run(name, then, module)

        try:
            loader.exec_module = exec_module
        except AttributeError as error:  # a loader with slots: the module stays unobserved, and the record says so
            self._failed(name, error)


def _both(first: Callable[[Any], None], second: Callable[[Any], None]) -> Callable[[Any], None]:
    def then(module: Any) -> None:
        try:
            first(module)
        finally:
            second(module)

    return then
