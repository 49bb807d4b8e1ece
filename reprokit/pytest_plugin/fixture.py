"""The fixture ``repro``."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.errors import ReprokitError
from reprokit.pytest_plugin.checks import USED, Checks
from reprokit.pytest_plugin.inner import inner_of
from reprokit.pytest_plugin.reports.outcomes import attach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import ParamSpec, TypeVar

    from reprokit.api.run import Run

    P = ParamSpec("P")
    T = TypeVar("T")

FAILED = pytest.StashKey[bool]()
"""Whether the body of the item failed."""
_DIFFERING = ("RPK074", "RPK075", "RPK079")
_DIFFERED = pytest.StashKey[dict[str, ReprokitError]]()


class Repro:
    """What a test asks of reproducibility.

    Attributes:
        seed: the session's seed, 0 to 2**32 - 1; the same in every run of a marked test.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._item: pytest.Item = request.node
        self._config = request.config
        self._off = self._config.option.repro == "off"
        self._inner = inner_of(self._config)
        self._checks = Checks(self._config, self._item.nodeid, self._item.path)
        self._asked = 0
        self.seed: int = self._config.option.repro_seed

    def check(
        self, name: str, value: Any, *, rtol: float | None = None, atol: float | None = None, ulp: int | None = None,
        store: bool = False,
    ) -> None:  # fmt: skip
        """Holds a value against the test's baseline, and in a marked test against its other runs first.

        Args:
            name: unique within the test.
            value: tensors, arrays, numbers, nested containers of them, models, optimizers, data frames, paths of files.
            rtol: relative tolerance; without any, every bit must be the same within one fingerprint.
            atol: absolute tolerance, in the unit of the value.
            ulp: units in the last place of the values' own type.
            store: keep arrays whole beside the baseline, so that a failure can name every element.

        Raises:
            CheckFailedError: RPK072, there is no baseline; RPK074, the value differs from it.
            UnusableBaselineError: RPK073, the baseline cannot be used.
            UsageError: RPK070, RPK071, the value cannot be compared; RPK077, name or tolerance are not valid.

        Example:
            >>> def test_forward(repro):
            ...     repro.check("logits", model(batch))
        """
        __tracebackhide__ = True
        if self._off:
            return
        if self._inner is not None:
            self._inner.keep(name, value, {"rtol": rtol, "atol": atol, "ulp": ulp}, store=store)
            return
        outcome = self._once(
            f"check {name}", lambda: self._checks.check(name, value, rtol=rtol, atol=atol, ulp=ulp, store=store)
        )
        attach(self._item, passed_check(outcome.tier, outcome.note, self._item))

    def _once(self, key: str, ask: Callable[[], T]) -> T:
        """Asks something once: after a rerun, what failed fails again, since a rerun proves nothing."""
        __tracebackhide__ = True
        failed = self._item.stash.setdefault(_DIFFERED, {})
        if key in failed:
            raise failed[key].with_traceback(None)
        try:
            return ask()
        except ReprokitError as error:
            if error.hint:
                error.add_note(error.hint)
            failed[key] = error
            attach(self._item, failed_check(error, self._item))
            raise error.with_traceback(None) from None  # what stands below is ours, and of no use to the reader

    def _holds(self, name: str, *arguments: Any, **named: Any) -> None:
        """Asks for one of the invariances of `reprokit.checks`."""
        __tracebackhide__ = True
        if self._off:
            return
        from reprokit import checks

        self._asked += 1
        ask = getattr(checks, name)
        self._once(f"{name} {self._asked}", lambda: ask(*arguments, **named))
        attach(self._item, passed_check("none", f"{name} holds", self._item))

    def run_to_run(self, fn: Callable[[], Any], runs: int = 2) -> None:
        """Called again in this process, ``fn`` gives the same, bit by bit: see `reprokit.checks.run_to_run`."""
        __tracebackhide__ = True
        self._holds("run_to_run", fn, runs)

    def resume(
        self, make: Callable[[], Any], train: Callable[[Any, int], Any], steps: int, at: int,
        save: Callable[[Any, Path], Any], load: Callable[[Any, Path], Any],
    ) -> None:  # fmt: skip
        """Training that is saved after ``at`` steps and resumed ends as if it had gone on: `reprokit.checks.resume`.

        What was not restored is named: optimizer, scheduler, scaler, generators or loader.
        """
        __tracebackhide__ = True
        self._holds("resume", make, train, steps, at, save, load)

    def batch_invariant(self, fn: Callable[[Any], Any], batch: Any, **tolerance: Any) -> None:
        """A row alone gives what it gives in the batch: see `reprokit.checks.batch_invariant`."""
        __tracebackhide__ = True
        self._holds("batch_invariant", fn, batch, **tolerance)

    def thread_invariant(self, fn: Callable[[], Any], threads: Sequence[int] = (1, 2), **tolerance: Any) -> None:
        """The number of threads does not matter: see `reprokit.checks.thread_invariant`."""
        __tracebackhide__ = True
        self._holds("thread_invariant", fn, threads, **tolerance)

    def worker_invariant(
        self, make_loader: Callable[[int], Iterable[Any]], workers: Sequence[int] = (0, 2), *, batches: int = 100
    ) -> None:
        """The number of a loader's workers does not matter: see `reprokit.checks.worker_invariant`."""
        __tracebackhide__ = True
        self._holds("worker_invariant", make_loader, workers, batches=batches)

    def hash_seed_invariant(
        self, fn: Callable[[], Any], seeds: Sequence[int] = (0, 1, 2), *, timeout: float = 300.0
    ) -> None:
        """Python's hash seed does not matter: see `reprokit.checks.hash_seed_invariant`."""
        __tracebackhide__ = True
        self._holds("hash_seed_invariant", fn, seeds, timeout=timeout)

    def order_of_files_invariant(self, fn: Callable[[], Any], directory: str | Path) -> None:
        """The order in which a directory lists files does not matter: `reprokit.checks.order_of_files_invariant`."""
        __tracebackhide__ = True
        self._holds("order_of_files_invariant", fn, directory)

    def run(self, function: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
        """Seeds the global generators with `seed`, calls a function, and returns what it returns.

        Example:
            >>> def test_training(repro):
            ...     repro.check("weights", repro.run(train, epochs=2))
        """
        from reprokit.api.seeding import seed_generators

        seed_generators(self.seed, None)
        return function(*arguments, **named)

    def record(self, **options: Any) -> Run:
        """Records a ``with`` block into a bundle below ``tmp_path``: see `reprokit.run`, whose options it takes.

        In a marked test it joins the observation of the fresh process instead, and its steps become part of the trace
        that is compared.

        Example:
            >>> def test_descent(repro):
            ...     with repro.record() as run:
            ...         for batch in batches:
            ...             run.step(loss=step(batch), weights=weights)
        """
        import reprokit

        name = options.pop("name", None) or getattr(self._item, "originalname", None) or "test"
        folder = self._request.getfixturevalue("tmp_path")
        output = options.pop("output", folder / f"{name}.repro.tar.zst")
        return reprokit.run(**{"seed": self.seed, **options}, name=name, output=output)

    def close(self) -> None:
        """Writes what the options asked for, once the test has ended well."""
        if self._off or self._inner is not None:
            return
        failed = self._item.stash.get(FAILED, True)
        self._checks.finish(passed=not failed)
        used = self._checks.used()
        if used is not None:
            self._item.stash[USED] = used


@contextmanager
def opened(request: pytest.FixtureRequest) -> Iterator[Repro]:
    """The fixture's value, and what is to be done when the test has ended."""
    repro = Repro(request)
    yield repro
    repro.close()


def failed_check(error: ReprokitError, item: pytest.Item) -> dict[str, Any]:
    """The outcome of a check that failed, for the reports."""
    differs = error.code in _DIFFERING
    reached = str(getattr(error, "tier", "none"))
    return {
        "kind": "check", "status": "verified" if differs else "unverified", "tier": reached if differs else None,
        "target": "bitwise", "code": error.code, "reason": error.message.partition("\n")[0],
        "command": f"pytest {item.nodeid}",
    }  # fmt: skip


def passed_check(tier: str, note: str, item: pytest.Item) -> dict[str, Any]:
    """The outcome of a check that passed, for the reports; one that was only written claims no tier."""
    claimed = None if tier == "none" else str(tier)
    return {"kind": "check", "tier": claimed, "reason": note, "command": f"pytest {item.nodeid}"}
