"""What the runs of a marked test agree on is held against the baseline, out here, once they do agree.

A missing baseline does not fail a marked test on the machine of its author, since its runs have each other; in CI it
does, as everywhere: there a baseline that was not committed would go unnoticed for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.errors import ReprokitError
from reprokit.pytest_plugin.checks import USED, Checks
from reprokit.pytest_plugin.failure import MarkedTestError
from reprokit.pytest_plugin.inner import VALUES

if TYPE_CHECKING:
    import pytest

    from reprokit.pytest_plugin.process import Ended


def hold_against_baseline(item: pytest.Item, run: Ended) -> str:
    """Checks what a run checked.

    Returns:
        What is to be said of it where no more is claimed than that the runs agree; else empty.

    Raises:
        MarkedTestError: a value differs from its baseline, or the baseline is missing or cannot be used.
    """
    assert run.result is not None
    found: dict[str, dict[str, Any]] = run.result["checks"]
    if not found:
        return ""
    checks = Checks(item.config, item.nodeid, item.path)
    if not checks.needed():
        return "its runs agree; there is no baseline"
    errors, notes = [], []
    for name, one in found.items():
        try:
            outcome = checks.check(name, _value(name, one, run), **one["tolerance"], store=one["store"])
            notes += [outcome.note] if outcome.note else []
        except ReprokitError as error:
            errors.append(error)
    if errors:
        raise _failure(errors)
    try:
        checks.finish()
    except ReprokitError as error:
        raise _failure([error]) from error
    used = checks.used()
    if used is not None:
        item.stash[USED] = used
    return "; ".join(dict.fromkeys(notes))


def _value(name: str, one: dict[str, Any], run: Ended) -> Any:
    from reprokit.checks.baselines import Flattened
    from reprokit.compare.values.stored import take

    leaves = {path: take(entry, run.room / VALUES) for path, entry in one["leaves"].items()}
    large = [path for path, leaf in leaves.items() if leaf is None]
    if large:
        raise ReprokitError("RPK071", f"check {name!r}: {large[0] or 'the value'} is too large to leave its process",
                            "Check a part of it, or a statistic.")  # fmt: skip
    return Flattened({path: leaf for path, leaf in leaves.items() if leaf is not None})


def _failure(errors: list[ReprokitError]) -> MarkedTestError:
    from reprokit.checks.baselines import CheckFailedError

    text = "\n".join(error.message for error in errors)
    hints = "\n".join(dict.fromkeys(f"  what to do: {error.hint}" for error in errors if error.hint))
    differing = [error for error in errors if isinstance(error, CheckFailedError) and error.code == "RPK074"]
    worst = min(differing, key=lambda error: error.tier.rank, default=None)
    return MarkedTestError(
        (worst or errors[0]).code, f"{text}\n{hints}", status="verified" if worst else "unverified",
        tier=str(worst.tier) if worst else None, diverged=worst is not None,
    )  # fmt: skip
