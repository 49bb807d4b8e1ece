"""Deleting what no test uses any more: files, checks in files, and arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reprokit.checks.store import arrays_in, load, locked, save, test_of, unlink

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from reprokit.schema.baseline import Baseline


@dataclass
class Pruned:
    """What was deleted.

    Attributes:
        files: baselines of tests that are gone, or that check nothing any more.
        checks: names that a test no longer checks, by file.
        arrays: stored arrays that no baseline refers to.
    """

    files: list[Path] = field(default_factory=list)
    checks: dict[Path, list[str]] = field(default_factory=dict)
    arrays: list[Path] = field(default_factory=list)


def prune(directories: Iterable[Path], used: Mapping[Path, Iterable[str]], spared: Iterable[Path] = ()) -> Pruned:
    """Deletes unused baselines.

    Args:
        directories: where baselines lie; what is not a baseline there is left alone.
        used: of each file that a test used in this run, the checks that it made.
        spared: files of tests that were skipped or failed: they may have checked less than they hold.

    Raises:
        UnusableBaselineError: RPK073, a used file cannot be read; RPK078, one cannot be deleted.
    """
    done, kept = Pruned(), set(spared)
    for directory in sorted(set(directories)):
        if not directory.is_dir():
            continue
        with locked(directory):
            alive: set[str] = set()
            for path in sorted(directory.glob("*.json")):
                test = test_of(path)
                if test is None:
                    continue
                if path not in kept and path not in used:
                    unlink(path)
                    done.files.append(path)
                elif (baseline := load(path, test)) is not None:
                    alive |= arrays_in(baseline if path in kept else _only(path, baseline, set(used[path]), done))
            for path in sorted((directory / "arrays").glob("*.npz")):
                if path.name not in alive:
                    unlink(path)
                    done.arrays.append(path)
    return done


def _only(path: Path, baseline: Baseline, names: set[str], done: Pruned) -> Baseline:
    """A baseline without the checks that its test no longer makes."""
    gone = sorted({name for checks in baseline.entries.values() for name in checks} - names)
    if not gone:
        return baseline
    left = {
        place: {n: leaves for n, leaves in checks.items() if n in names} for place, checks in baseline.entries.items()
    }
    left = {place: checks for place, checks in left.items() if checks}
    facts = {place: known for place, known in baseline.fingerprints.items() if place in left}
    shorter = baseline.model_copy(update={"entries": left, "fingerprints": facts})
    save(path, shorter)
    done.checks[path] = gone
    return shorter
