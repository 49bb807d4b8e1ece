"""A test's checks against its stored baseline: judging, updating and pruning.

Within one fingerprint a check is decided by digests: bitwise. Where the baseline knows other fingerprints only, the
nearest one serves to say whether the values are close, and the outcome says that no more is claimed. Nothing is
written unless the mode asks for it, and then only when the test has finished well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from reprokit.checks.closeness import judge
from reprokit.checks.messages import differing, missing
from reprokit.checks.statistics import summarised
from reprokit.checks.store import file_name, load, locked, save, store_array, stored_array
from reprokit.compare.values import Tensor, flatten, held
from reprokit.errors import ReprokitError, UsageError
from reprokit.schema.baseline import Baseline
from reprokit.schema.tiers import Tier

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reprokit.checks.closeness import Judgement
    from reprokit.checks.fingerprints import Fingerprint
    from reprokit.compare.metrics.tolerance import Tolerance
    from reprokit.compare.values import Leaf
    from reprokit.schema.baseline import BaselineLeaf

Leaves = dict[str, "BaselineLeaf"]


class Mode(StrEnum):
    """What may be written."""

    CHECK = "check"
    UPDATE = "update"
    NEW_ONLY = "update-new-only"


@dataclass(frozen=True)
class Flattened:
    """A value that was flattened in another process, where it was made."""

    leaves: dict[str, Leaf]


class CheckFailedError(ReprokitError, AssertionError):
    """RPK072 or RPK074: there is no baseline, or the value is not what it holds; ``tier`` says how close it came."""

    tier: Tier = Tier.NONE


@dataclass(frozen=True)
class CheckOutcome:
    """What a check gave.

    Attributes:
        name: the check's name.
        tier: how close the value is to the baseline; none where the baseline was only written.
        note: what is not claimed, and why; empty where nothing needs to be said.
        written: the value becomes the baseline when the test has finished.
    """

    name: str
    tier: Tier
    note: str = ""
    written: bool = False


@dataclass
class TestBaseline:
    """The baseline of one test, while the test runs.

    Args:
        directory: where the file lies.
        test: the test's id.
        fingerprint: of this machine.
        mode: what may be written.
        level: the tier that a value must reach within one fingerprint.
        command: how to run this test alone, for messages.
        in_ci: whether messages speak to someone who reads a log.

    Raises:
        UnusableBaselineError: RPK073, the file is there and cannot be used.
    """

    __test__ = False  # pytest would take it for a class of tests

    directory: Path
    test: str
    fingerprint: Fingerprint
    mode: Mode = Mode.CHECK
    level: Tier = Tier.BITWISE
    command: str = ""
    in_ci: bool = False
    outcomes: dict[str, CheckOutcome] = field(default_factory=dict)
    _pending: dict[str, tuple[dict[str, Leaf], bool]] = field(default_factory=dict)
    _stored: Baseline = field(init=False)

    def __post_init__(self) -> None:
        self._stored = load(self.path, self.test) or Baseline(test=self.test)

    @property
    def path(self) -> Path:
        """The baseline's file."""
        return self.directory / file_name(self.test)

    def check(
        self, name: str, value: object, tolerance: Tolerance | None = None, *, store: bool = False
    ) -> CheckOutcome:
        """Holds a value against the baseline.

        Args:
            name: unique within the test.
            value: anything that `flatten` takes, or `Flattened`.
            tolerance: how far numbers may lie apart within this fingerprint too; None asks for every bit.
            store: keep arrays whole beside the baseline, so that a failure can name every element.

        Raises:
            CheckFailedError: RPK072, no baseline; RPK074, it differs.
            UnusableBaselineError: RPK073, a stored array is missing or altered.
            UsageError: RPK070, RPK071, the value cannot be compared; RPK077, the name is taken.
        """
        if not isinstance(name, str) or not name:
            raise UsageError("RPK077", f"a check needs a name: {name!r} is none", "repro.check('loss', loss)")
        if name in self.outcomes:
            raise UsageError("RPK077", f"the test checks {name!r} twice", "Give each check a name of its own.")
        leaves = value.leaves if isinstance(value, Flattened) else flatten(value)
        entry = self._entry(name)
        if self.mode is Mode.UPDATE or (self.mode is Mode.NEW_ONLY and entry is None):
            self._pending[name] = (held(leaves), store)
            self.outcomes[name] = CheckOutcome(name, Tier.NONE, "written", written=True)
        elif entry is None:
            raise CheckFailedError("RPK072", *missing(name, self.path, self.command, in_ci=self.in_ci))
        else:
            self.outcomes[name] = self._judged(name, leaves, *entry, tolerance)
        return self.outcomes[name]

    def finish(self, *, passed: bool = True) -> bool:
        """Writes what the mode asked for, if the test went well.

        Returns:
            Whether a file changed.

        Raises:
            UnusableBaselineError: RPK073 or RPK078.
        """
        pending, self._pending = self._pending, {}
        if not passed or not pending:
            return False
        with locked(self.directory):
            # Another worker may have written in the meantime: what it wrote is kept.
            current = load(self.path, self.test) or Baseline(test=self.test)
            fresh = {name: self._summary(leaves, store=store) for name, (leaves, store) in pending.items()}
            merged = _merged(current, self.fingerprint, fresh, {name: leaves for name, (leaves, _) in pending.items()})
            return save(self.path, merged)

    def _summary(self, leaves: dict[str, Leaf], *, store: bool) -> Leaves:
        arrays = {path: leaf for path, leaf in leaves.items() if store and isinstance(leaf, Tensor)}
        return summarised(leaves, {path: store_array(self.directory, leaf) for path, leaf in arrays.items()})

    def _entry(self, name: str) -> tuple[str, Leaves] | None:
        """The fingerprint that serves, and what it holds under a name."""
        entries = self._stored.entries
        if name in entries.get(self.fingerprint.id, {}):
            return self.fingerprint.id, entries[self.fingerprint.id][name]
        others = {f: self._stored.fingerprints.get(f, {}) for f, checks in entries.items() if name in checks}
        if self.mode is not Mode.CHECK or (nearest := self.fingerprint.nearest(others)) is None:
            return None
        return nearest, entries[nearest][name]

    def _judged(
        self, name: str, leaves: Mapping[str, Leaf], served_by: str, stored: Leaves, tolerance: Tolerance | None
    ) -> CheckOutcome:
        found = _judgements(leaves, stored, tolerance, self.directory)
        own = served_by == self.fingerprint.id
        tier = _tier(found, own=own)
        needed = self.level if own and tolerance is None else Tier.METRIC_CLOSE
        if not tier.reaches(needed):
            facts = self._stored.fingerprints.get(served_by, {})
            said = differing(name, found, self.path, (served_by, facts), self.fingerprint, needed, tier)
            failure = CheckFailedError("RPK074", said, self._how_to_update())
            failure.tier = tier
            raise failure
        if own:
            rule = "" if tier is Tier.BITWISE else f"within {tolerance.rule if tolerance else 'the default tolerance'}"
            return CheckOutcome(name, tier, rule)
        return CheckOutcome(
            name, tier, f"the baseline comes from fingerprint {served_by}, this is {self.fingerprint.id}: bitwise is "
            "claimed within one fingerprint only"
        )  # fmt: skip

    def _how_to_update(self) -> str:
        command = f": {self.command} --repro-update" if self.command else ""
        return f"Find what changed it. If the change is wanted, update the baseline and commit it{command}"


def _judgements(
    leaves: Mapping[str, Leaf], stored: Leaves, tolerance: Tolerance | None, directory: Path
) -> dict[str, Judgement]:
    def array(path: str) -> Tensor | None:
        kept = stored.get(path)
        return stored_array(directory, kept.file, kept.dtype) if kept is not None and kept.file else None

    found = {}
    for path in {**stored, **leaves}:
        judgement = judge(path, leaves.get(path), stored.get(path), tolerance)
        if not judgement.equal and (kept := array(path)) is not None:
            judgement = judge(path, leaves.get(path), stored.get(path), tolerance, kept)
        found[path] = judgement
    return found


def _tier(found: Mapping[str, Judgement], *, own: bool) -> Tier:
    if own and all(judgement.equal for judgement in found.values()):
        return Tier.BITWISE
    return Tier.METRIC_CLOSE if all(judgement.close for judgement in found.values()) else Tier.RE_RUNNABLE


def _merged(
    current: Baseline, fingerprint: Fingerprint, fresh: Mapping[str, Leaves], values: Mapping[str, Mapping[str, Leaf]]
) -> Baseline:
    """The baseline with new entries. What another fingerprint holds of a former result is dropped: it would fail there
    for a change that was wanted, while without it this entry serves there as metric-close.
    """  # noqa: D205
    entries = {name: dict(checks) for name, checks in current.entries.items()}
    for other, checks in entries.items():
        if other != fingerprint.id:
            for name, leaves in values.items():
                if name in checks and not all(
                    judge(path, leaves.get(path), checks[name].get(path), None).close
                    for path in {**checks[name], **leaves}
                ):
                    del checks[name]
    entries.setdefault(fingerprint.id, {}).update(fresh)
    entries = {name: checks for name, checks in entries.items() if checks}
    facts = {name: known for name, known in current.fingerprints.items() if name in entries}
    return Baseline(test=current.test, fingerprints=facts | {fingerprint.id: fingerprint.facts}, entries=entries)
