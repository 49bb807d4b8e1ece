"""The files that a user declared as read or written, by path or glob."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


def expand(patterns: Iterable[str], base: Path, what: str) -> list[Path]:
    """The files that declared paths and globs name; a directory stands for everything below it.

    Raises:
        UsageError: RPK006 when a pattern matches nothing.
    """
    found: list[Path] = []
    for pattern in patterns:
        absolute = Path(os.path.normpath(base / pattern))
        if any(c in pattern for c in "*?["):
            anchor = Path(absolute.anchor)
            matches = sorted(anchor.glob(str(absolute.relative_to(anchor))))
        else:
            matches = [absolute] if absolute.exists() else []
        if not matches:
            raise UsageError("RPK006", f"the declared {what} {pattern!r} does not exist below {base}")
        for match in matches:
            found += [p for p in sorted(match.rglob("*")) if p.is_file()] if match.is_dir() else [match]
    return found
