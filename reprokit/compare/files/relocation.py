"""Texts of a run whose files stood below another directory than ``/``: that directory is taken off before comparing.

A replay without a mount namespace runs in a tree of its own (``/tmp/reprokit-replay-x/run-1/tree``), below which every
file stands at its recorded absolute path. A path that it writes down names the same file as the recorded one. Only the
exact directory counts, only in texts and in keys that are texts; never in arrays, in bytes or in a file that is not
read as content. What else differs in such a text still differs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reprokit.compare.files.content import Content, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reprokit.compare.files.content import Leaf, Options, Roots


class Relocation:
    """Takes the directories that stood for ``/`` off one file's texts.

    Args:
        roots: absolute paths of such a directory; none if the file was written in its place.

    >>> Relocation(("/tmp/x/tree",)).text("best: /tmp/x/tree/home/me/best.ckpt")
    'best: /home/me/best.ckpt'
    """

    def __init__(self, roots: Roots) -> None:
        # The longest first: one may be the other's end (/tmp and /private/tmp).
        directories = {root.rstrip("/") for root in roots if root.startswith("/")} - {""}
        self._directories = [f"{directory}/" for directory in sorted(directories, key=len, reverse=True)]
        self.changed = 0

    def text(self, text: str) -> str:
        """The text as it would read if the tree stood at ``/``; counts those that change."""
        found = text
        for directory in self._directories:
            found = found.replace(directory, "/")
        self.changed += found != text
        return found

    def content(self, kind: str, read: Callable[[Options], Mapping[str, Leaf]], options: Options) -> Content:
        """What a file holds, read with its texts as in its place.

        Args:
            kind: the comparator's.
            read: reads the leaves; it applies `Options.text` to keys, lines and cells, where those hold texts.
            options: of the comparison.

        Raises:
            UnreadableError: as `read`.
        """
        if not self._directories:
            return Content(kind, read(options))
        leaves = read(replace(options, text=self.text))
        return Content(kind, {path: self._leaf(leaf) for path, leaf in leaves.items()})

    def _leaf(self, leaf: Leaf) -> Leaf:
        return Scalar(leaf.type, self.text(leaf.text)) if isinstance(leaf, Scalar) and leaf.type == "str" else leaf


def said_of(*relocations: Relocation) -> str:
    """What a report says of paths that were taken as the recorded ones; empty if there were none."""
    count = sum(relocation.changed for relocation in relocations)
    if not count:
        return ""
    texts = "1 text" if count == 1 else f"{count} texts"
    return f"{texts} with paths of the replay's own directory, taken as the recorded paths"
