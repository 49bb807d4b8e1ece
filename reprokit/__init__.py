"""Record a training run, replay it, and say how close it came.

Importing this package imports the standard library only: the command line starts at once, and the observer that runs
inside a training script never brings in a module which that script did not ask for.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing costs 8 ms at start
if TYPE_CHECKING:
    from typing import Any

    import reprokit.strategies as strategies  # noqa: PLR0402 - mypy takes the other spelling for a circle
    from reprokit.api.datasets import manifest
    from reprokit.api.determinism import deterministic
    from reprokit.api.judging import compare, replay
    from reprokit.api.opened import Bundle, open  # noqa: A004
    from reprokit.api.recorded import recorded
    from reprokit.api.run import Run, run
    from reprokit.schema.verdict import Verdict

__version__ = "0.1.0"
__all__ = [
    "Bundle",
    "Run",
    "Verdict",
    "__version__",
    "compare",
    "deterministic",
    "manifest",
    "metric",
    "open",
    "recorded",
    "replay",
    "run",
    "strategies",
]

_HOMES = {
    "Bundle": "api.opened", "Run": "api.run", "Verdict": "schema.verdict", "compare": "api.judging",
    "deterministic": "api.determinism", "manifest": "api.datasets", "open": "api.opened",
    "recorded": "api.recorded", "replay": "api.judging", "run": "api.run",
}  # fmt: skip


def metric(name: str, value: float, *, step: int | None = None) -> None:
    """Reports a number that decides whether a replay is metric-close, such as a validation accuracy.

    The last value of a name counts. Outside ``reprokit record`` and ``replay`` this does nothing.

    Args:
        name: for example ``"val/accuracy"``.
        value: anything that ``float()`` takes.
        step: the step it belongs to.

    Raises:
        TypeError: ``value`` is not a number.

    >>> metric("val/accuracy", 0.98, step=300)
    """
    from reprokit.observe.reporting import report_metric

    report_metric(name, value, step)


def __getattr__(name: str) -> Any:
    """Imports a part of the API when it is first asked for."""
    import importlib

    if name in ("compare", "strategies"):
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Comparing(type(sys)):  # type: ignore[misc]
    """The package `reprokit.compare`, which can be called too: ``reprokit.compare(a, b)`` is the API's function."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from reprokit.api.judging import compare

        return compare(*args, **kwargs)


class _Package(type(sys)):  # type: ignore[misc]
    """This package. Importing ``reprokit.compare.…`` sets an attribute of that name here, in the function's place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "compare" and type(value) is type(sys):
            value.__class__ = _Comparing
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
