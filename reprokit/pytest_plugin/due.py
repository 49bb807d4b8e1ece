"""``--repro-due DAYS``: only bundles whose last successful replay is longer ago; and the file that knows about it.

``.reprokit/replays.json`` below the root directory is written under ``--repro=record`` only, by the controller, at the
session's end: the workers read one and the same state, so that all of them collect the same items.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

SCHEMA = "reprokit.replays/1"
PLACE = (".reprokit", "replays.json")
_RANKS = ("none", "re-runnable", "metric-close", "bitwise")


class Due:
    """When each bundle was last replayed with success.

    Args:
        root: the root directory of the tests.
        now: seconds since 1970.

    Raises:
        UsageError: RPK092, the file cannot be read as what it should be.
    """

    def __init__(self, root: Path, now: float) -> None:
        self.path = root.joinpath(*PLACE)
        self.now = now
        self.replays = _read(self.path)

    def is_due(self, bundle_id: str, target: str, days: float) -> bool:
        """Whether a bundle was never replayed to this tier, or longer than ``days`` ago, or in the future."""
        known = self.replays.get(bundle_id)
        if known is None or _RANKS.index(known["tier"]) < _RANKS.index(target):
            return True
        age = self.now - datetime.fromisoformat(known["at"]).timestamp()
        return not 0 <= age <= days * 86_400

    def record(self, outcomes: Iterable[Mapping[str, Any]]) -> int:
        """Notes the successful replays among ``outcomes``; returns how many there are.

        The file is read again first, under a lock, since another session may have written meanwhile.

        Raises:
            UsageError: RPK092 as above; RPK005, it cannot be written.
        """
        from reprokit.launch.writing import write_atomically

        at = datetime.fromtimestamp(self.now, UTC).isoformat(timespec="seconds")
        done = {
            str(one["bundle"]): {"at": at, "tier": str(one["tier"]), "test": str(one["nodeid"])}
            for one in outcomes
            if one.get("kind") == "rebuild" and one.get("outcome") == "passed" and one.get("bundle")
        }
        if not done:
            return 0
        with _locked(self.path):
            replays = {**_read(self.path), **done}
            document = {"schema": SCHEMA, "replays": dict(sorted(replays.items()))}
            write_atomically(self.path, (json.dumps(document, indent=1) + "\n").encode())
        return len(done)


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError("RPK092", f"cannot read {path}: {error}") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise UsageError("RPK092", f"{path} does not have the schema {SCHEMA}, which is all that this version reads")
    try:
        return {str(bundle): _checked(one) for bundle, one in document["replays"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError("RPK092", f"{path} is damaged: {error!r}") from None


def _checked(one: Mapping[str, Any]) -> dict[str, str]:
    if one["tier"] not in _RANKS or datetime.fromisoformat(one["at"]).tzinfo is None:
        raise ValueError(f"no tier {one['tier']!r} or no time zone in {one['at']!r}")
    return {name: str(value) for name, value in one.items()}


class _locked:  # noqa: N801 - reads as a function in a with statement
    """Holds a lock file beside ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_suffix(".lock")

    def __enter__(self) -> None:
        import fcntl

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.file = self.path.open("a")
        except OSError as error:
            raise UsageError("RPK005", f"cannot write {self.path}: {error.strerror}") from None
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self.file.close()
