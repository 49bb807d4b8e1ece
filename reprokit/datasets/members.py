"""The rows in an archive: of its members that are tables, as they come by in the one pass that digests them.

Texts are read as they are unpacked. Parquet and Arrow have their table of contents at the end, so such a member goes
to a temporary file. An archive in an archive is not opened, and is said to hide rows.
"""

from __future__ import annotations

import shutil
import tempfile
from typing import IO, TYPE_CHECKING, Any

from reprokit.datasets import sources
from reprokit.datasets.fingerprint import is_tokenizer
from reprokit.datasets.hiding import HEAD, hides_rows
from reprokit.datasets.sources import json_table

if TYPE_CHECKING:
    from collections.abc import Collection

    from reprokit.datasets.rowpass import RowPass

_STREAMED = ("csv", "jsonl", "json")
_SOUGHT = ("parquet", "arrow")
_APPLE_DOUBLE = b"\x00\x05\x16\x07"


class Members:
    """Takes the members of one archive.

    Args:
        path: of the archive.
        rows: takes the tables.
        options: what a format must be told.
        tables: whether members are read; those of a shard are cells of its rows.
    """

    def __init__(self, path: str, rows: RowPass, options: sources.Options, *, tables: bool) -> None:
        self._path, self._rows, self._options, self._tables = path, rows, options, tables
        self.read = 0
        self._unread: dict[bool, str] = {}  # the first member without rows, and the first that may hide some

    def see(self, name: str, data: Any) -> None:
        """Takes a member; a link has no data.

        Raises:
            UnverifiedError: RPK150 or RPK156, a table cannot be read.
        """
        self._rows.take_member(name)
        if data is None or not self._tables:
            return
        full = f"{self._path}/{name}"
        kind, hides = _kind(name, data, self._rows.keys)
        if kind in _STREAMED:
            self._rows.take(sources.open_table(data, full, kind, self._options), self._path, named=full)
        elif kind in _SOUGHT:
            with tempfile.NamedTemporaryFile(prefix="reprokit-member-") as file:
                shutil.copyfileobj(data, file, 1 << 20)
                file.flush()
                self._rows.take(sources.open_table(file.name, full, kind, self._options), self._path, named=full)
        elif data.peek(1):
            named = sources.format_of(name) == "json" and not is_tokenizer(name)
            hides = hides or (named and json_table.may_have(data, name, self._rows.keys))
            self._unread.setdefault(hides, full)
            return
        self.read += 1

    def settle(self) -> None:
        """Notes what was not read, for all members at once."""
        for hides, full in self._unread.items():
            self._rows.skip(self._path, hides_rows=hides, named=full)
        if not (self.read or self._unread):
            self._rows.skip(self._path)


def _kind(name: str, data: IO[bytes], keys: Collection[str]) -> tuple[str, bool]:
    """A member's format, and whether there may be rows in it that cannot be read."""
    head: bytes = data.peek(1)  # type: ignore[attr-defined] # a buffered reader, which knows more than `IO`
    if name.rpartition("/")[2].startswith("._") and head.startswith(_APPLE_DOUBLE):
        return "", False  # what macOS keeps of a file beside it, under nearly its name
    kind = sources.format_of(name) or ""
    if kind != "json":
        return kind, hides_rows(name, head[:HEAD], keys)
    if not name.lower().endswith(".json"):
        return "", True
    found = json_table.kind_of(head.decode("utf-8-sig", "ignore"))
    return found or "", found == "" and not is_tokenizer(name)
