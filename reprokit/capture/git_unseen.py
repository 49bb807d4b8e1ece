"""Tracked files that git was told not to look at, and that differ all the same.

``git update-index --assume-unchanged`` and ``--skip-worktree`` mark files in the index whose changes neither
`git status` nor `git diff` tell of. People mark their local settings so, and forget it; the code that ran is not the
commit's then.
"""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reprokit.capture.probe import Printed

_MOST = 10_000  # marked files that are hashed
_AT_ONCE = 200  # files that one command line names
_LINK, _SUBMODULE = "120000", "160000"


class _Run(Protocol):
    def __call__(self, *arguments: str) -> Printed | None: ...


def unseen_changes(run: _Run, top: Path) -> list[str] | None:
    """The marked files that are not as the index has them.

    A sparse checkout marks what it leaves out: a file with that mark which is not there is no change.

    Args:
        run: runs git with some arguments.
        top: the top directory of the checkout.

    Returns:
        Paths relative to ``top``; None where git cannot say, or where more files are marked than are looked at.
    """
    marked = _marked(run)
    if not marked:
        return marked if marked is None else []
    listed = run("ls-files", "-s", "-z")
    if listed is None or not listed.ok:
        return None
    wanted: dict[str, str] = {}
    changed = []
    for mode, blob, name in _entries(listed.stdout):
        if name not in marked or mode == _SUBMODULE:
            continue
        kind = _kind(top / name)
        if kind == _LINK == mode:
            changed += [name] * (_link_digest(top / name, blob) != blob)
        elif kind and kind != mode[:3]:
            changed.append(name)
        elif kind:
            wanted[name] = blob
        else:
            changed += [name] * (not marked[name])
    hashed = _hashed(run, list(wanted))
    return None if hashed is None else sorted(changed + [name for name in wanted if hashed[name] != wanted[name]])


def _marked(run: _Run) -> dict[str, bool] | None:
    """The marked files, and whether they may be away."""
    listed = run("ls-files", "-v", "-z")
    if listed is None or not listed.ok:
        return None
    records = (os.fsdecode(record) for record in listed.stdout.split(b"\0") if record)
    return {record[2:]: record[0] in "Ss" for record in records if record[0] == "S" or record[0].islower()}


def _entries(listed: bytes) -> Iterator[tuple[str, str, str]]:
    """Mode, digest and path of the files in the index."""
    for record in listed.split(b"\0"):
        facts, _, name = os.fsdecode(record).partition("\t")
        if name:
            mode, blob, _stage = facts.split(" ")
            yield mode, blob, name


def _kind(path: Path) -> str:
    """What git would call it: ``100`` is a file, whether it may be run or not; empty where there is nothing."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return ""
    return _LINK if stat.S_ISLNK(mode) else "100" if stat.S_ISREG(mode) else "other"


def _link_digest(path: Path, like: str) -> str:
    target = os.fsencode(path.readlink())
    made = hashlib.sha256 if len(like) == hashlib.sha256().digest_size * 2 else hashlib.sha1
    return made(b"blob %d\0%s" % (len(target), target)).hexdigest()


def _hashed(run: _Run, names: list[str]) -> dict[str, str] | None:
    """Digests of files as git would add them, line ends and all."""
    found: dict[str, str] = {}
    if len(names) > _MOST:
        return None
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        printed = run("-c", "core.safecrlf=false", "hash-object", "--", *some)
        digests = printed.stdout.decode().split() if printed is not None and printed.ok else []
        if len(digests) != len(some):
            return None
        found |= dict(zip(some, digests, strict=True))
    return found
