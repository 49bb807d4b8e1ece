"""What `repro.check` does in a test, and what pytest says of two arrays that an ``assert`` compared."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from reprokit.checks.baselines import CheckOutcome, Mode, TestBaseline
    from reprokit.checks.fingerprints import Fingerprint

USED = pytest.StashKey[dict[str, Any]]()
"""Which checks a test made against which file, for pruning."""

_FINGERPRINT = pytest.StashKey["Fingerprint"]()
_CI = ("CI", "BUILD_NUMBER", "TF_BUILD")


class Checks:
    """The checks of one test against its baseline. Nothing is imported or read before the first one.

    Args:
        config: of the session; the options ``repro``, ``repro_update`` and ``repro_update_new_only`` count.
        nodeid: the test.
        path: the test's file.
    """

    def __init__(self, config: pytest.Config, nodeid: str, path: Path) -> None:
        self._config = config
        self._nodeid = nodeid
        self._path = path
        self._baseline: TestBaseline | None = None

    def check(
        self, name: str, value: object, *,
        rtol: float | None = None, atol: float | None = None, ulp: int | None = None, store: bool = False,
    ) -> CheckOutcome:  # fmt: skip
        """Holds a value against the stored baseline.

        Without a tolerance every bit must be the same within one fingerprint. With one, numbers may differ by
        ``atol + rtol * max(|a|, |b|)`` or by ``ulp`` units in the last place of their own type.

        Args:
            name: unique within the test.
            value: anything that `reprokit.compare.values.flatten` takes.
            rtol: relative part, at least 0.
            atol: absolute part, at least 0.
            ulp: units in the last place, at least 0.
            store: keep arrays whole beside the baseline.

        Raises:
            CheckFailedError: RPK072, there is no baseline; RPK074, the value differs from it.
            UnusableBaselineError: RPK073, the baseline cannot be used.
            UsageError: RPK070, RPK071, the value cannot be compared; RPK077, name or tolerance are not valid.
        """
        __tracebackhide__ = True
        from reprokit.checks.results import tolerance_of

        return self._opened().check(name, value, tolerance_of(rtol, atol, ulp), store=store)

    def needed(self) -> bool:
        """Whether there is anything to hold the checks against or to write: a stored baseline, an update, or CI."""
        from reprokit.checks.baselines import Mode

        opened = self._opened()
        return opened.mode is not Mode.CHECK or opened.in_ci or opened.path.exists()

    @property
    def outcomes(self) -> list[CheckOutcome]:
        """What the checks so far gave."""
        return list(self._baseline.outcomes.values()) if self._baseline else []

    def used(self) -> dict[str, Any] | None:
        """The file and the names that were checked, as JSON values; None if nothing was."""
        if self._baseline is None:
            return None
        return {"file": str(self._baseline.path), "names": sorted(self._baseline.outcomes)}

    def finish(self, *, passed: bool = True) -> bool:
        """Writes what the options asked for; a test that failed writes nothing.

        Returns:
            Whether the baseline's file changed.
        """
        return self._baseline.finish(passed=passed) if self._baseline else False

    def _opened(self) -> TestBaseline:
        if self._baseline is None:
            from reprokit.checks.baselines import TestBaseline

            directory, test = place(self._config, self._nodeid, self._path)
            self._baseline = TestBaseline(
                directory=directory,
                test=test,
                fingerprint=fingerprint(self._config),
                mode=_mode(self._config),
                command=f"pytest {shlex.quote(self._nodeid)}",
                in_ci=any(os.environ.get(name, "").lower() not in {"", "0", "false"} for name in _CI),
            )
        return self._baseline


def place(config: pytest.Config, nodeid: str, path: Path) -> tuple[Path, str]:
    """Where a test's baseline lies, and the id under which it is kept there.

    Beside the test file the id begins with the file's name, so that it does not depend on where pytest was started;
    in a directory that files of several directories share, it is the whole node id.
    """
    given = str(config.getini("repro_baselines") or "__repro__")
    if shared_directory(config):
        return Path(os.path.normpath(path.parent / given)), nodeid
    _, separator, rest = nodeid.partition("::")
    return path.parent / given, path.name + separator + rest


def shared_directory(config: pytest.Config) -> bool:
    """Whether the baselines of files in several directories lie in one."""
    given = Path(str(config.getini("repro_baselines") or "__repro__"))
    return given.is_absolute() or ".." in given.parts


def fingerprint(config: pytest.Config) -> Fingerprint:
    """The session's fingerprint, with the facts that other plugins add."""
    if _FINGERPRINT not in config.stash:
        from reprokit.checks.fingerprints import here

        hook = getattr(config.hook, "pytest_reprokit_fingerprint", None)
        extra: dict[str, Any] = {}
        for facts in hook(config=config) if hook else ():
            extra.update(facts or {})
        config.stash[_FINGERPRINT] = here(extra)
    return config.stash[_FINGERPRINT]


def _mode(config: pytest.Config) -> Mode:
    from reprokit.checks.baselines import Mode

    if config.option.repro_update:
        return Mode.UPDATE
    recording = config.option.repro == "record" or config.option.repro_update_new_only
    return Mode.NEW_ONLY if recording else Mode.CHECK


def assertion_lines(op: str, left: Any, right: Any) -> list[str] | None:
    """What differs between two arrays or tensors that an ``assert`` compared with ``==``.

    Args:
        op: the operator.
        left: any value.
        right: any value.

    Returns:
        Lines for pytest, or None if these are no two arrays.
    """
    if op != "==" or not (_is_array(left) and _is_array(right)):
        return None
    from reprokit.checks.messages import described
    from reprokit.compare.values import Tensor, difference, flatten
    from reprokit.compare.values import described as kind_of
    from reprokit.errors import ReprokitError

    try:
        a, b = flatten(left), flatten(right)
        found = difference(a, b)
    except ReprokitError:
        return None
    (x, *_), (y, *_) = a.values(), b.values()
    if not (isinstance(x, Tensor) and isinstance(y, Tensor)):
        return None
    (dtype, shape), (other, other_shape) = kind_of(x), kind_of(y)
    lines = [f"{dtype}{list(shape)} == {other}{list(other_shape)}"]
    if found is None:
        return [*lines, "every bit is the same: a NaN in them equals nothing, or the truth of an array was asked for"]
    return [*lines, described(found)]


def _is_array(value: Any) -> bool:
    """Whether a value is an array or tensor of a library that is loaded."""
    for module, name in (("numpy", "ndarray"), ("torch", "Tensor"), ("jax", "Array")):
        loaded = sys.modules.get(module)
        if loaded is not None and isinstance(value, getattr(loaded, name, ())):
            return True
    return False
