"""Files that have the content of a manifest, and lie elsewhere than it says: links, versions of a store, etags.

The manifest's id does not cover where content lies, since the same data lie elsewhere on every machine. So what differs
may have been moved, uploaded again or edited in the manifest: it is said, and is an error where nothing but an edit
explains it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.datasets.names import written
from reprokit.errors.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.datasets.entries import Entry

_NAMED = 5


class Elsewhere:
    """Takes pairs of equal files: as the manifest has them, and as they are.

    Args:
        moved: the objects are not where they were, so they have versions and etags of their own.
        fixed_etags: a version of an object has one etag for ever, as in S3; Google's changes with its metadata.
    """

    def __init__(self, *, moved: bool = False, fixed_etags: bool = False) -> None:
        self._moved, self._fixed = moved, fixed_etags
        self._links, self._objects, self._false = _Few(), _Few(), _Few()

    def see(self, then: Entry, now: Entry) -> None:
        """Takes one pair."""
        if then.link != now.link:
            self._links.add(f"{written(then.path)}: {_link(now)}, and the manifest says {_link(then)}")
        if self._moved:
            return
        if then.version != now.version:
            self._objects.add(f"{written(then.path)}: {now.version}, and the manifest says {then.version}")
        elif then.etag and then.etag != now.etag:
            some = self._false if self._fixed and now.version else self._objects
            some.add(f"{written(then.path)}: etag {now.etag}, and the manifest says {then.etag}")

    def said(self) -> Iterator[str]:
        """What may have come about by itself."""
        if self._links.count:
            yield f"{counted(self._links.count, 'file')} with the same content and another link: {self._links}"
        if self._objects.count:
            yield f"{counted(self._objects.count, 'object')} with the same content and another version: {self._objects}"

    def false(self) -> Iterator[str]:
        """What was never true."""
        if self._false.count:
            yield f"{counted(self._false.count, 'object')} of the same version and another etag: {self._false}"


def _link(entry: Entry) -> str:
    return "no link" if entry.link is None else f"a link to {written(entry.link)}"


class _Few:
    """Counts texts, and keeps the first few: there may be ten million files."""

    def __init__(self) -> None:
        self.count, self._first = 0, list[str]()

    def add(self, text: str) -> None:
        self.count += 1
        if self.count <= _NAMED:
            self._first.append(text)

    def __str__(self) -> str:
        return "; ".join(self._first)
