"""Replays the bundles whose last rebuild test is too long ago, and leaves each outcome for the lineage graph.

Two of these may run at once, from two crontabs say: a bundle that one of them replays is left alone by the other, and
whether it is due is asked while nobody else can replay it.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.errors import CorruptBundleError, ReprokitError, UsageError
from reprokit.launch.lineage_opening import opened_graph
from reprokit.launch.lineage_parts import hand_over
from reprokit.launch.opening import open_bundle
from reprokit.launch.plan import new_run_id
from reprokit.launch.recorded_settings import settings_of
from reprokit.launch.workplace import state_directory
from reprokit.lineage.graph import Graph
from reprokit.lineage.merging import merge
from reprokit.lineage.rules.freshness import DAY, SKEW, last_test
from reprokit.lineage.rules.sealing import sealed
from reprokit.schema.config import load_config
from reprokit.schema.lineage import Event, Execution, Lineage
from reprokit.schema.rebuild import RebuildReport, Rebuilt
from reprokit.verbs.release import graph_source
from reprokit.verbs.replay import ReplayOptions, replay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from reprokit.schema.manifest import Manifest, Notice
    from reprokit.schema.rebuild import Outcome
    from reprokit.schema.release import RebuildTest
    from reprokit.schema.tiers import Tier

SUFFIX = ".repro.tar.zst"
_SHORTEST_TIMEOUT = 600.0
_TIMES_AS_LONG = 10.0


@dataclass(frozen=True)
class RebuildOptions:
    """What to replay, and how. ``older_than`` in days, None replays everything; ``timeout`` in seconds.

    Without a timeout of its own or of its record, a run is stopped after ten times as long as it took when it was
    recorded, and after ten minutes at the earliest.
    """

    older_than: float | None = None
    runs: int = 1
    target: Tier | None = None
    timeout: float | None = None
    trust: bool = False


def rebuild(
    paths: Sequence[str | Path],
    options: RebuildOptions,
    *,
    now: float | None = None,
    progress: Callable[[str], None] = lambda _text: None,
    done: Callable[[Rebuilt], None] = lambda _one: None,
) -> RebuildReport:
    """Replays bundles, one after the other.

    Args:
        paths: bundles, and directories that are searched for them.
        options: what is due, and how to replay it.
        now: seconds since the epoch; the clock's by default.
        progress: is told, in a few words, what happens.
        done: is told of each bundle when it is through.

    Raises:
        UsageError: RPK003, a path does not exist or holds no bundle; RPK005, the state directory cannot be written.
        UnverifiedError: RPK141, the graph that says what is due cannot be had.
    """
    begun = time.time() if now is None else now
    results: list[Rebuilt] = []
    seen: dict[str, str] = {}
    for path in bundles_in(paths):
        progress(f"rebuilding {path.name}")
        # The clock is asked for each: the one before may have run for hours, and another job have replayed this one.
        result = _Rebuilding(path, options, time.time() if now is None else now, progress).result(seen)
        seen.setdefault(result.id, str(path))
        results.append(result)
        done(result)
    return RebuildReport(
        met=all(one.outcome in ("met", "not-due") for one in results), time=int(begun * 1000),
        older_than_days=options.older_than, bundles=results, warnings=_delivered(),
    )  # fmt: skip


def bundles_in(paths: Sequence[str | Path]) -> list[Path]:
    """The bundles that are meant; hidden directories are not searched.

    Raises:
        UsageError: RPK003, a path does not exist, is empty, or holds none.
    """
    found: dict[Path, None] = {}
    for text in paths:
        if text == "":  # a variable that is not set: the empty path would be the whole working directory
            raise UsageError("RPK003", "the path of a bundle is empty")
        path = Path(text)
        if path.is_dir():
            inside = [one for one in sorted(path.rglob(f"*{SUFFIX}")) if not _is_hidden(one.relative_to(path))]
            if not inside:
                raise UsageError("RPK003", f"{path}: there is no bundle in it (*{SUFFIX})")
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            raise UsageError("RPK003", f"{path}: there is no such file")
    return list(found)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


class _Rebuilding:
    """One bundle."""

    def __init__(self, path: Path, options: RebuildOptions, now: float, progress: Callable[[str], None]) -> None:
        self.path, self.options, self.now, self.progress = path, options, now, progress
        self.bundle_id = ""
        self.last: RebuildTest | None = None
        self.why = ""

    def result(self, seen: dict[str, str]) -> Rebuilt:
        """What became of it; errors of ours are an outcome."""
        started = time.monotonic()
        try:
            with open_bundle(self.path) as (_reader, manifest, self.bundle_id):
                pass
            if self.bundle_id in seen:
                return self._said("not-due", why=f"it is the same bundle as {seen[self.bundle_id]}")
            with locked(self.bundle_id) as is_ours:
                if not is_ours:
                    message = f"another process is rebuilding {self.path.name}"
                    return self._said("elsewhere", code="RPK147", message=message)
                return self._replayed(manifest, started)
        except ReprokitError as error:
            if error.code in ("RPK005", "RPK141"):
                raise
            return self._failed(error, time.monotonic() - started)

    def _replayed(self, manifest: Manifest, started: float) -> Rebuilt:
        config = settings_of(manifest)
        target = self.options.target or config.target
        if not self._is_due(target):
            return self._said("not-due", target=target)
        options = ReplayOptions(
            runs=self.options.runs, target=target, trust=self.options.trust, lineage=True,
            timeout=self.options.timeout or config.timeout
            or max(_SHORTEST_TIMEOUT, _TIMES_AS_LONG * manifest.run.duration_s),
        )  # fmt: skip
        verdict = replay(self.path, options, self.progress)
        outcome: Outcome = "met" if verdict.met else "unverified" if verdict.status == "unverified" else "missed"
        return self._said(
            outcome, tier=verdict.tier, target=target, message="" if verdict.met else verdict.reason,
            duration_s=round(time.monotonic() - started, 3),
            recorded=not any(notice.code == "RPK191" for notice in verdict.warnings),
        )  # fmt: skip

    def _is_due(self, target: Tier) -> bool:
        """Asks the graph. What was never replayed, or missed its target, is due whatever its age."""
        limit = self.options.older_than
        if limit is None:
            self.why = "everything is replayed"
            return True
        with graph_source(Path.cwd()) as source:
            below = source.walk([self.bundle_id], "down")
            replays = source.with_links(node.id for node in below.executions if node.type == "Replay")
        self.last = last_test(Graph(merge([below, replays])), self.bundle_id, int(self.now * 1000))
        if self.last is None:
            self.why = "it was never replayed to a verdict"
            return True
        age = (self.now * 1000 - self.last.time) / DAY
        said = f"it was replayed {age:.1f} days ago"
        if not self.last.tier.reaches(target):
            self.why = f"{said} and reached {self.last.tier}, not {target}"
            return True
        is_past = age * DAY >= -SKEW
        self.why = f"it was replayed {max(age, 0):.1f} days ago" if is_past else "its last replay lies in the future"
        return not (is_past and age <= limit) or limit == 0

    def _failed(self, error: ReprokitError, duration: float) -> Rebuilt:
        """A replay that came to no verdict is an event, too: it used the bundle, and failed."""
        outcome: Outcome = "refused" if isinstance(error, CorruptBundleError) else "unverified"
        recorded = False
        if self.bundle_id:
            execution = Execution(
                id=new_run_id(), type="Replay", state="FAILED", name=self.path.name,
                started=int(self.now * 1000), ended=int((self.now + duration) * 1000),
                properties={"bundle": self.bundle_id, "code": error.code, "status": "unverified"},
            )  # fmt: skip
            used = Event(artifact=self.bundle_id, execution=execution.id, type="INPUT", time=execution.started)
            start = Path.cwd()
            recorded = not hand_over(sealed(Lineage(executions=[execution], events=[used])), load_config(start), start)
        return self._said(
            outcome, code=error.code, message=error.message, duration_s=round(duration, 3), recorded=recorded
        )

    def _said(self, outcome: Outcome, **fields: object) -> Rebuilt:
        values = {"why": self.why, "last": self.last, **fields}
        return Rebuilt.model_validate({"bundle": str(self.path), "id": self.bundle_id, "outcome": outcome, **values})


@contextlib.contextmanager
def locked(bundle_id: str) -> Iterator[bool]:
    """Whether nobody else rebuilds a bundle; nobody begins to while this holds. It ends with its process.

    Raises:
        UsageError: RPK005, the lock cannot be made.
    """
    path = state_directory() / "rebuilding" / f"{bundle_id.replace(':', '-')}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = path.open("a")
    except OSError as error:
        raise UsageError("RPK005", f"cannot write {path}: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _delivered() -> list[Notice]:
    """Adds what was left to the store, where there is one; what cannot be added now waits."""
    try:
        with opened_graph() as opened:
            return opened.warnings
    except ReprokitError:
        return []
