"""`reprokit.run`: records this process from the start of a ``with`` block to its end."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from reprokit.api.params import plain_params
from reprokit.api.seeding import check_seed, pin_states, seed_generators
from reprokit.api.steps import MarkedSteps
from reprokit.errors import UsageError
from reprokit.launch.plan import RecordOptions
from reprokit.launch.policies import policy_of_recording
from reprokit.observe import start
from reprokit.observe.reporting import report_file, report_metric, report_param, report_policy, report_seed
from reprokit.observe.window import begin_window, end_window
from reprokit.schema.config import load_config
from reprokit.verbs.here import Here

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from reprokit.observe.start import Session
    from reprokit.schema.record import RecordReport

_LEVELS = ("budget", "full", "light", "off")
_lock = threading.Lock()
_outermost: Run | None = None
_entered = 0  # outermost runs of this process so far


def run(
    *,
    params: Mapping[str, Any] | None = None,
    seed: int | None = None,
    name: str | None = None,
    output: str | os.PathLike[str] | None = None,
    policy: str | None = None,
    trace: str | None = None,
) -> Run:
    """Records what happens inside a ``with`` block: the same bundle as ``reprokit record`` makes of a command.

    Under ``reprokit record`` or ``replay``, or inside another run, it joins that recording: what it reports goes into
    the one bundle, and it makes none of its own.

    Args:
        params: the run's parameters: plain values, stored with it.
        seed: seeds `random`, NumPy, PyTorch and TensorFlow, those imported later too. Any integer.
        name: the bundle's name; the script's by default.
        output: the bundle to write; by default ``NAME.repro.tar.zst`` in the working directory, or the first free name.
        policy: the determinism switches inside the block: ``none``, ``fast``, ``deterministic``, ``strict``, or the
            name of a policy under ``[tool.reprokit.policy]``. Its seed counts where ``seed`` is not given. A switch
            that needs a fresh process is a warning of the record.
        trace: ``budget``, ``full``, ``light`` or ``off``: what is digested in each step.

    Returns:
        A context manager. An exception inside the block goes on; the bundle is written and marked failed.

    Raises:
        UsageError: RPK001, an option is not one of those named; RPK081, a parameter is no plain value; RPK120 to
            RPK122, there is no such policy, or it is wrong; on entering RPK004 or RPK005, the configuration is wrong or
            the bundle cannot be written.

    >>> import reprokit
    >>> with reprokit.run(params={"rate": 0.1}, seed=7, output="descent.repro.tar.zst") as run:
    ...     weight = 1.0
    ...     for step in range(3):
    ...         weight -= 0.1 * weight
    ...         run.step(loss=weight**2, weight=weight)
    ...     run.metric("weight", weight)
    1
    2
    3
    >>> run.bundle.name
    'descent.repro.tar.zst'
    """
    if trace is not None and trace not in _LEVELS:
        raise UsageError("RPK001", f"trace {trace!r} is none of {', '.join(_LEVELS)}")
    if policy is not None:
        policy_of_recording(policy, None, load_config(Path.cwd()))
    check_seed(seed)
    target = None if output is None else Path(os.fspath(output))
    return Run(plain_params(params or {}), seed, RecordOptions(output=target, name=name, policy=policy, trace=trace))


class Run:
    """A run; made by `reprokit.run`, a context manager that is entered once.

    Attributes:
        params: its parameters.
        seed: as given.
        bundle: the bundle's path once the block has been left; None where the run joined another recording.
        report: what ``reprokit record --json`` prints; None as for ``bundle``.

    >>> import reprokit
    >>> reprokit.run(name="trial", seed=3)
    <reprokit.Run 'trial': not begun>
    """

    def __init__(self, params: dict[str, Any], seed: int | None, options: RecordOptions) -> None:
        self.params, self.seed = params, seed
        self.bundle: Path | None = None
        self.report: RecordReport | None = None
        self._options = options
        self._state = "not begun"
        self._session: Session | None = None
        self._here: Here | None = None
        self._window = False

    def __repr__(self) -> str:
        name = f" {self._options.name!r}" if self._options.name else ""
        return f"<reprokit.Run{name}: {self.bundle or self._state}>"

    def __enter__(self) -> Self:
        global _outermost, _entered
        if self._state != "not begun":
            raise UsageError("RPK082", "this run was entered before: make a new one for each block")
        with _lock:
            outermost = _outermost is None
            number = _entered + outermost
            self._begin(number, outermost=outermost)
            if outermost:
                _outermost, _entered = self, number
        self._state, self._pid = "under way", os.getpid()
        return self

    def _begin(self, number: int, *, outermost: bool) -> None:
        session = start.current()
        if session is None:
            here = Here(self._options, number)
            here.start()
            self._here, session = here, start.current()
            assert session is not None
        elif outermost and tuple(session.config.get("window") or ()) == (session.process.key, number):
            self._window = True
            begin_window(session)
        self._steps = MarkedSteps(session)
        try:
            self._report(session)
        except BaseException:
            if self._here is not None:
                self._here.abandon()
            raise
        self._session = session

    def _report(self, session: Session) -> None:
        if session.reporting:
            pin_states(session)
        if self.seed is not None:
            seed_generators(self.seed, session)
            report_seed(session, self.seed)
        if self._options.policy is not None:
            report_policy(session, str(self._options.policy))
        for name, value in self.params.items():
            report_param(session, name, value)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _outermost  # noqa: PLW0603
        with _lock:
            if _outermost is self:
                _outermost = None
        self._state = "failed" if error is not None else "done"
        self._steps.close()
        session, self._session = self._session, None
        if self._window and session is not None:
            end_window(session)
        if self._here is None:
            return
        if os.getpid() != self._pid:  # a forked child leaves the block too; the bundle is its parent's
            self._here.leave()
            return
        try:
            self.report = self._here.finish(error)
            self.bundle = Path(self.report.bundle)
        except Exception as failure:
            if error is None:
                raise
            error.add_note(f"reprokit: and the bundle could not be written: {failure}")

    def input(self, path: str | os.PathLike[str]) -> Path:
        """Declares a file or directory that the run reads, beside those that are seen to be read.

        Args:
            path: it must exist.

        Returns:
            The path, to be opened.

        Raises:
            UsageError: RPK006, it does not exist; RPK082, no run is under way.

        >>> import pathlib, reprokit
        >>> _ = pathlib.Path("data.csv").write_text("1,2")
        >>> with reprokit.run() as run:
        ...     text = run.input("data.csv").read_text()
        """
        session, given = self._running("input"), Path(os.fspath(path))
        if not given.exists():
            raise UsageError("RPK006", f"the declared input {str(given)!r} does not exist")
        report_file(session, "input", os.path.abspath(given))  # noqa: PTH100 - a link stays a link
        return given

    def output(self, path: str | os.PathLike[str]) -> Path:
        """Declares a file or directory that the run writes, beside those that are seen to be written.

        Args:
            path: it need not exist yet; one that was not written by the end is a warning.

        Returns:
            The path, to be written to.

        Raises:
            UsageError: RPK082, no run is under way.

        >>> import reprokit
        >>> with reprokit.run() as run:
        ...     size = run.output("model.txt").write_text("0.5")
        """
        session, given = self._running("output"), Path(os.fspath(path))
        report_file(session, "output", os.path.abspath(given))  # noqa: PTH100
        return given

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Reports a number that decides whether a replay is metric-close; see `reprokit.metric`.

        Raises:
            TypeError: ``value`` is not a number.
            UsageError: RPK082, no run is under way.

        >>> import reprokit
        >>> with reprokit.run() as run:
        ...     run.metric("val/accuracy", 0.98, step=300)
        """
        self._running("metric")
        report_metric(name, value, step)

    def track(self, **objects: Any) -> None:
        """Digests objects in every marked step from now on: a model, an optimizer, a scheduler, a loader, an array.

        PyTorch's own updates are traced without it. What is given is read at each `step`, in the state that it has
        then.

        Args:
            **objects: by name; ``optimizer``, ``scheduler``, ``scaler``, ``loader`` and ``gradients`` are told apart in
                a divergence, any other name stands for parameters.

        Raises:
            UsageError: RPK070, one has no comparable content; RPK082, no run is under way.

        >>> import numpy as np, reprokit
        >>> weights = np.zeros(3)
        >>> with reprokit.run() as run:
        ...     run.track(weights=weights)
        ...     weights += 1
        ...     run.step(loss=0.5)
        1
        """
        self._running("track")
        self._steps.track(objects)

    def step(self, loss: Any = None, batch: Any = None, **tracked: Any) -> int:
        """Marks the end of a step: a row of the trace with digests of what is tracked and given here.

        Args:
            loss: a number, or whatever ``float()`` takes.
            batch: what the step was computed from: arrays, in any nesting.
            **tracked: further values for this step, as for `track`.

        Returns:
            The number of the step, from 1.

        Raises:
            UsageError: RPK070, a value has no comparable content; RPK082, no run is under way.

        >>> import reprokit
        >>> with reprokit.run() as run:
        ...     run.step(loss=0.25, batch=[1.0, 2.0], weight=0.5)
        1
        """
        session = self._running("step")
        if not session.reporting:  # a replay of another run of this process
            self._steps.count += 1
            return self._steps.count
        return self._steps.step(loss, batch, tracked)

    def _running(self, what: str) -> Session:
        if self._session is None:
            raise UsageError("RPK082", f"run.{what}() was called, and the run is {self._state}")
        return self._session
