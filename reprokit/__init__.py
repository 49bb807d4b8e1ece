"""Record a training run, replay it, and say how close it came.

Importing this package imports the standard library only: the command line starts at once, and the observer that runs
inside a training script never brings in a module which that script did not ask for.
"""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["__version__", "metric"]


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
