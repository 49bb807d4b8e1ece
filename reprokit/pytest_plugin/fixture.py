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
    from collections.abc import Callable, Iterator
    from typing import ParamSpec, TypeVar

    from reprokit.api.run import Run

    P = ParamSpec("P")
    T = TypeVar("T")

FAILED = pytest.StashKey[bool]()
"""Whether the body of the item failed."""
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
        differed = self._item.stash.setdefault(_DIFFERED, {})
        if name in differed:
            raise differed[name].with_traceback(None)  # a rerun proves nothing: the value did differ
        try:
            outcome = self._checks.check(name, value, rtol=rtol, atol=atol, ulp=ulp, store=store)
        except ReprokitError as error:
            if error.hint:
                error.add_note(error.hint)
            differed[name] = error
            attach(self._item, failed_check(error, self._item))
            raise error.with_traceback(None) from None  # what stands below is ours, and of no use to the reader
        attach(self._item, passed_check(outcome.tier, outcome.note, self._item))

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
    differs = error.code == "RPK074"
    return {
        "kind": "check", "status": "verified" if differs else "unverified", "tier": "none" if differs else None,
        "target": "bitwise", "code": error.code, "reason": error.message.partition("\n")[0],
        "command": f"pytest {item.nodeid}",
    }  # fmt: skip


def passed_check(tier: str, note: str, item: pytest.Item) -> dict[str, Any]:
    """The outcome of a check that passed, for the reports; one that was only written claims no tier."""
    claimed = None if tier == "none" else str(tier)
    return {"kind": "check", "tier": claimed, "reason": note, "command": f"pytest {item.nodeid}"}
