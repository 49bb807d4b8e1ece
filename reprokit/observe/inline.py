"""Observes a process that runs already, from the start of a ``reprokit.run`` to its end, and again for the next one.

What can be taken back at the end of a run is taken back: the copy of what is printed, the environment, the switches of
a policy. Audit hooks, fork hooks and the hooks of an adapter cannot be removed; they are installed once and sleep
between runs.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from reprokit.observe import start
from reprokit.observe.ambient import arm_mlflow_names, log_numpy_seeds, log_random_seeds
from reprokit.observe.copies import copy_streams
from reprokit.observe.imports import AfterImport
from reprokit.observe.process import Process
from reprokit.observe.sink import Sink
from reprokit.observe.switches import arm_process, is_sorting, note_framework, set_up, unsort_listings
from reprokit.observe.window import restart_trace

if TYPE_CHECKING:
    from collections.abc import Callable

_inline: InlineSession | None = None


class InlineSession(start.Session):
    """The observers of a process that was not started under observation; `begin` and `end` enclose a run."""

    def __init__(self, run: str, config: dict[str, Any]) -> None:
        super().__init__(run, config)
        self._open = False
        self._undo: list[Callable[[], None]] = []
        self._armed: dict[str, Any] = {}
        self._waiting: set[str] = set()
        os.register_at_fork(before=self._before_fork, after_in_child=self._forked)

    def begin(self, run: str, config: dict[str, Any]) -> None:
        """Observes from here on, for the recording in directory ``run``."""
        if run != self.run:  # the constructor has prepared the first one
            self.run = run
            self.process = Process(run)
            self._notes = Sink(os.path.join(self.process.directory, "notes"))
        self.config = config
        self.fired, self.disabled, self._closed, self.values = set(), {}, False, {}
        self.ambient.begin(self.process, None)
        self._open = True
        self.process.hello(forked=False)
        if self._recorder is not None:
            restart_trace(self)
        self._arm_environment_here()
        self._arm_policy()
        self._arm_frameworks()
        self._begin_files()
        self._undo.append(copy_streams(self.process.directory, os.path.join(run, "logs")))
        start.become(self)

    def end(self) -> None:
        """Closes the traces and lets the process go on unobserved."""
        if not self._open:
            return
        if self.files is not None:
            self._note_imports()
            self.files.close()
        self.close()
        for adapter in self.adapters:
            adapter.stop()
        if self._recorder is not None:
            self._recorder.close()
        self._notes.close()
        self.ambient.close()
        self.config, self._open = {}, False
        while self._undo:
            self._undo.pop()()
        start.become(None)

    def _arm_policy(self) -> None:
        """Python and NumPy are seeded now where they are imported, and later where not."""
        sorts = not is_sorting()
        arm_process(self)
        if sorts and is_sorting():
            self._undo.append(unsort_listings)

    def _arm_frameworks(self) -> None:
        wanted = self.config.get("frameworks", {})
        if not self._waiting:
            self.imports.add("random", lambda module: log_random_seeds(module, self.ambient))
            self.imports.add("numpy.random", lambda _module: log_numpy_seeds(self.ambient))
            self.imports.add("mlflow.utils.name_utils", lambda module: arm_mlflow_names(module, self.ambient))
            self._waiting = {"random", "numpy.random"}
        for framework, adapter in wanted.items():
            if framework not in self._waiting:
                self._waiting.add(framework)
                self.imports.add(framework, self._framework(adapter))
            elif adapter in self._armed:
                module, parts = sys.modules[framework], importlib.import_module(adapter)
                self._remember_switches(parts, module)
                set_up(self, framework, module, parts)
                self._armed[adapter].begin()
                note_framework(self, framework, "start")

    def _framework(self, adapter: str) -> Any:
        def arm(module: Any) -> None:
            observed = adapter in self.config.get("frameworks", {}).values()
            parts = importlib.import_module(adapter)
            self._remember_switches(parts, module)
            set_up(self, module.__name__, module, parts)
            self.frameworks[module.__name__] = module, parts
            self._armed[adapter] = observer = parts.arm(module, self)
            self.adapters.append(observer)
            note_framework(self, module.__name__, "start")
            if not observed:  # imported between two runs, or in one that wants no trace
                observer.stop()

        return arm

    def _remember_switches(self, adapter: Any, module: Any) -> None:
        """Keeps what a policy is about to change, to set it back at the end."""
        wanted = self.config.get("switches", {}).get(module.__name__, {})
        if not wanted or not hasattr(adapter, "read_back"):
            return
        before = adapter.read_back(module)
        changed = {name: before[name] for name in wanted if name in before}
        self._undo.append(lambda: adapter.apply(module, changed))

    def _arm_environment_here(self) -> None:
        before = os._Environ.__getitem__
        self._arm_environment()
        ours = os._Environ.__getitem__

        def undo() -> None:
            if os._Environ.__getitem__ is ours:
                os._Environ.__getitem__ = before  # type: ignore[method-assign]

        self._undo.append(undo)

    def _begin_files(self) -> None:
        if self.files is None:
            self._arm_files()
        else:
            config = self.config
            ignored, snapshots = tuple(config.get("ignored", ())), os.path.join(self.run, "snapshots")
            self.files.begin(self.process.directory, str(config.get("root", "/")), ignored, snapshots, None)
        if self.files is None:
            return  # it broke; the record says so
        for thread in threading.enumerate():
            if thread.name.startswith("reprokit-") and thread.ident is not None:
                self.files.leave_out(thread.ident)
        self._note_imports()

    def _note_imports(self) -> None:
        """The project's source files that are loaded: those imported before the run belong to it too."""
        root = str(self.config.get("root", "/"))
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if self.files is not None and isinstance(path, str):
                path = os.path.abspath(path)
                if path.startswith(root):
                    self.files.imported(path)

    def _forked(self) -> None:
        if self._open:
            super()._forked()


def begin(run: str, config: dict[str, Any]) -> InlineSession:
    """Starts observing this process for the recording in directory ``run``; end it with `InlineSession.end`."""
    global _inline  # noqa: PLW0603
    if _inline is None:
        _inline = InlineSession(run, config)
    elif _inline.imports not in sys.meta_path:
        _inline.imports = AfterImport(_inline.failed)
    _inline.begin(run, config)
    return _inline
