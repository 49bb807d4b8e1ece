"""Arms every observer of this process, and disarms them in a forked child.

Called by the bootstrap's ``sitecustomize`` before the script runs. The recording's directory holds ``config`` (written
by the parent with `marshal`, because importing ``json`` costs more than all of this file).
"""

from __future__ import annotations

import atexit
import marshal
import os
import sys

from reprokit.observe import native
from reprokit.observe.ambient import Ambient, arm_mlflow_names, arm_numpy, arm_random
from reprokit.observe.files import FileObserver
from reprokit.observe.imports import AfterImport
from reprokit.observe.process import Process
from reprokit.observe.sink import Sink
from reprokit.observe.spawning import arm_forking, arm_spawning
from reprokit.observe.switches import arm_process, note_framework, note_switches, set_up
from reprokit.trace.records import encode_record

TYPE_CHECKING = False  # typing costs 8 ms at start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_session: Session | None = None


def current() -> Session | None:
    """The session of this process, or None when nothing observes it."""
    return _session


class Session:
    """Everything that observes this process.

    Attributes:
        run: the recording's directory.
        config: what the parent asked for (see `reprokit.launch.recording`).
        process: key and directory of this process.
        fired: the observers that saw something.
        frameworks: the frameworks that were imported: name -> module, its adapter's module.
    """

    def __init__(self, run: str, config: dict[str, Any]) -> None:
        self.run = run
        self.config = config
        self.process = Process(run, claims=config.get("claims"))
        self._notes = Sink(os.path.join(self.process.directory, "notes"))
        self.fired: set[str] = set()
        self.disabled: dict[str, str] = {}
        self.imports = AfterImport(self.failed)
        self.ambient = Ambient(self.process, config.get("ambient"))
        self.reporting = not config.get("window")  # a replay of one run among several reports in that one only
        self.ambient.giving = self.reporting
        self.adapters: list[Any] = []
        self.frameworks: dict[str, tuple[Any, Any]] = {}
        self.values: dict[str, list[str]] = {}  # of the policy's switches, at the steps so far
        self.files: FileObserver | None = None
        self._closed = False
        self._recorder: Any = None
        self.stop_stdout: Callable[[], None] = lambda: None

    def failed(self, observer: str, error: BaseException) -> None:
        """Notes that an observer broke and is off."""
        if observer in self.disabled:
            return
        import traceback

        place = traceback.extract_tb(error.__traceback__)
        where = f" at {os.path.basename(place[-1].filename)}:{place[-1].lineno}" if place else ""
        self.disabled[observer] = f"{type(error).__name__}: {error}{where}"
        self.note("disabled", observer, self.disabled[observer])

    def note(self, *fields: str) -> None:
        """Appends one record to this process's notes; never raises."""
        try:  # noqa: SIM105 - contextlib costs 2 ms at start
            self._notes.write(encode_record(*fields))
        except OSError:
            pass

    def fire(self, observer: str) -> None:
        """Says, once, that an observer saw something."""
        if observer not in self.fired:
            self.fired.add(observer)
            self.note("fired", observer)
            if observer == "steps":  # the first one is done
                note_switches(self, "first step")

    @property
    def whole(self) -> Session:
        """The observers of the process: these."""
        return self

    def start(self) -> None:
        """Arms what the configuration asks for."""
        self.process.hello(forked=False)
        if self.process.key.rpartition("/")[2].startswith("resource_tracker"):
            return
        self._arm_files()
        self._arm_stdout()
        self._arm_environment()
        self.imports.add("multiprocessing.util", arm_spawning)
        self.imports.add("multiprocessing.util", lambda util: arm_forking(util, self))
        os.register_at_fork(before=self._before_fork, after_in_child=self._forked)  # first: others ask for the key
        self.imports.add("random", lambda module: arm_random(module, self.ambient))
        self.imports.add("numpy.random", lambda module: arm_numpy(module, self.ambient))
        self.imports.add("mlflow.utils.name_utils", lambda module: arm_mlflow_names(module, self.ambient))
        arm_process(self)  # after those, so that a policy's seed is what a generator has in the end
        for framework, adapter in self.config.get("frameworks", {}).items():
            self.imports.add(framework, self._framework(adapter))
        atexit.register(self.close)

    def recorder(self) -> Any:
        """The step trace of this process, made when the first adapter asks for it."""
        if self._recorder is None:
            from reprokit.observe.recorder import Recorder

            self._recorder = Recorder(self)
        return self._recorder

    def beside(self, branch: str) -> Any:
        """A second stream of this process (see `reprokit.observe.beside`): for steps that are no updates."""
        from reprokit.observe.beside import BesideStream

        return BesideStream(self, branch)

    def _framework(self, adapter: str) -> Any:
        def arm(module: Any) -> None:
            parts = __import__(adapter, fromlist=["arm"])
            name = module.__name__
            set_up(self, name, module, parts)
            self.frameworks[name] = module, parts
            try:
                if self.config.get("level") != "off":
                    self.adapters.append(parts.arm(module, self))
            finally:
                note_framework(self, name, "start")

        return arm

    def _arm_files(self) -> None:
        try:
            guarded = tuple(self.config.get("guarded", ()))
            guard = (lambda path: path.startswith(guarded)) if guarded else None
            observer = self.files = FileObserver(
                self.process.directory,
                str(self.config.get("root", "/")),
                tuple(self.config.get("ignored", ())),
                os.path.join(self.run, "snapshots"),
                guard,
                self.failed,
                lambda command: self.note("start", *command),
            )
            sys.addaudithook(observer.hook)
            native.arm(self, observer.native)
        except Exception as error:  # noqa: BLE001
            self.failed("files", error)

    def _arm_stdout(self) -> None:
        try:
            from reprokit.observe.stdout import tee

            self.stop_stdout = tee(self.process.directory, self.failed)
        except Exception as error:  # noqa: BLE001
            self.failed("stdout", error)

    def _arm_environment(self) -> None:
        root, stored = self.config.get("root", ""), frozenset(self.config.get("stored_environment", ()))
        original = os._Environ.__getitem__
        noted: set[str] = set()

        def getitem(environ: Any, key: Any) -> Any:
            if key not in stored and key not in noted and isinstance(key, str):
                frame = sys._getframe(1)
                while frame.f_back is not None and frame.f_code.co_filename.startswith("<frozen"):
                    frame = frame.f_back
                if root and os.path.abspath(frame.f_code.co_filename).startswith(root):
                    noted.add(key)
                    if key in environ:
                        self.note("environment", key)
            return original(environ, key)

        os._Environ.__getitem__ = getitem  # type: ignore[method-assign]

    def _before_fork(self) -> None:
        self.process.forks += 1

    def _forked(self) -> None:
        """In a forked child: nothing of the parent's trace goes on; the child gets a key of its own."""
        global _session  # noqa: PLW0603
        try:
            self.stop_stdout()
            self.process = Process(self.run, parent=self.process)
            self._notes = Sink(os.path.join(self.process.directory, "notes"))
            self.process.hello(forked=True)
            self.fired, self._closed, self.values = set(), False, {}
            self.ambient.forked(self.process.key)
            for adapter in self.adapters:
                adapter.forked()
        except Exception:  # noqa: BLE001 - the child runs on, unobserved; without a hello it counts as such
            _session = None
            for adapter in self.adapters:
                adapter.stop()  # or it would go on in the parent's trace

    def close(self) -> None:
        """At exit: closes the traces, reads the switches back and says goodbye."""
        if self._closed:
            return
        self._closed = True
        for adapter in self.adapters:
            try:
                adapter.close()
            except Exception as error:  # noqa: BLE001
                self.failed(type(adapter).__module__, error)
        note_switches(self, "end")
        self._note_thread_pools()
        left = self.ambient.leftover()
        if left:
            self.note("ambient-left", str(left))
        self.note("bye", str(os.getpid()))

    def _note_thread_pools(self) -> None:
        """Which BLAS and OpenMP libraries the script used, with their kernel and threads; only where it used NumPy."""
        if "numpy" not in sys.modules:
            return
        try:
            from threadpoolctl import threadpool_info

            for pool in threadpool_info():
                kept = {key: value for key, value in pool.items() if key != "filepath"}
                self.note("pool", repr(dict(sorted(kept.items()))))
        except Exception as error:  # noqa: BLE001
            self.failed("thread pools", error)


def become(session: Session | None) -> None:
    """Makes ``session`` the one that observes this process."""
    global _session  # noqa: PLW0603
    _session = session


def arm(run: str) -> None:
    """Starts observing this process for the recording in directory ``run``."""
    global _session  # noqa: PLW0603
    with open(os.path.join(run, "config"), "rb") as file:
        config = marshal.loads(file.read())  # noqa: S302 - written by the parent
    session = Session(run, config)
    session.start()
    _session = session
