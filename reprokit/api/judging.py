"""`reprokit.replay` and `reprokit.compare`: verdicts in Python."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.api.opened import Bundle
from reprokit.errors import UsageError
from reprokit.schema.config import load_config
from reprokit.schema.tiers import Tier
from reprokit.verbs import compare as comparing
from reprokit.verbs import replay as replaying

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reprokit.schema.verdict import Verdict


def replay(
    bundle: str | os.PathLike[str] | Bundle,
    *,
    runs: int = 1,
    policy: str = "recorded",
    target: Tier | str | None = None,
    timeout: float | None = None,
    env: str = "current",
    trust: bool = False,
    data: Mapping[str, str | os.PathLike[str]] | None = None,
    isolation: str = "auto",
) -> Verdict:
    """Runs a bundle again, each time in a fresh process and directory, and says how close it came.

    Args:
        bundle: the file.
        runs: how often to run it.
        policy: ``recorded``, or the name of a policy as for `reprokit.run`; the seeds are always the recorded ones.
        target: the tier to reach; the recorded project's, else ``bitwise``.
        timeout: seconds after which each run is stopped.
        env: ``current`` packages, or the recorded ones ``rebuilt`` in a fresh virtual environment.
        trust: run code from a bundle that was not recorded here.
        data: recorded path -> where these data are now.
        isolation: ``auto``, ``namespace`` or ``rewrite``: how the original's files are kept out of reach.

    Returns:
        The verdict: ``tier``, ``met``, ``status``, ``divergence`` and the rest of ``replay --json``.

    Raises:
        UsageError: RPK001, an option is not one of those named; RPK003, there is no such file.
        CorruptBundleError: it is damaged, newer or not trusted.
        UnverifiedError: it cannot be run again here; RPK080, it was made in a notebook or at a prompt.

    >>> import reprokit
    >>> reprokit.replay("missing.repro.tar.zst")
    Traceback (most recent call last):
      ...
    reprokit.errors.UsageError: RPK003: missing.repro.tar.zst does not exist
    """
    _check("env", env, ("current", "rebuilt"))
    _check("isolation", isolation, ("auto", "namespace", "rewrite"))
    if runs < 1:
        raise UsageError("RPK001", f"runs is {runs}; a verdict takes at least 1")
    moved = {os.path.normpath(old): os.path.abspath(new) for old, new in (data or {}).items()}  # noqa: PTH100
    options = replaying.ReplayOptions(
        runs=runs, policy=policy, target=_tier(target), timeout=timeout, env=env, trust=trust, data=moved,
        isolation=isolation,
    )  # fmt: skip
    return replaying.replay(_path(bundle), options)


def compare(
    first: str | os.PathLike[str] | Bundle,
    second: str | os.PathLike[str] | Bundle,
    *,
    target: Tier | str | None = None,
) -> Verdict:
    """Compares two bundles, or two directories of results. Nothing is run.

    Args:
        first: the reference.
        second: the other one.
        target: the tier to reach; the configuration's by default.

    Returns:
        The verdict, with the first divergence in execution order.

    Raises:
        UsageError: RPK003, a path does not exist; RPK001, one is a bundle and the other a directory.
        CorruptBundleError: a bundle cannot be read.

    >>> import reprokit
    >>> for name, rate in (("a", 0.1), ("b", 0.2)):
    ...     with reprokit.run(output=f"{name}.repro.tar.zst") as run:
    ...         step = run.step(loss=1 - rate, weight=rate)
    >>> verdict = reprokit.compare("a.repro.tar.zst", "b.repro.tar.zst")
    >>> verdict.divergence.step, verdict.divergence.part
    (1, 'loss')
    """
    return comparing.compare(_path(first), _path(second), _tier(target), load_config(Path.cwd()))


def _path(bundle: str | os.PathLike[str] | Bundle) -> Path:
    return bundle.path if isinstance(bundle, Bundle) else Path(os.fspath(bundle))


def _tier(target: Tier | str | None) -> Tier | None:
    if target is None:
        return None
    _check("target", str(target), tuple(str(tier) for tier in Tier if tier is not Tier.NONE))
    return Tier(target)


def _check(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError("RPK001", f"{what} {value!r} is none of {', '.join(known)}")
