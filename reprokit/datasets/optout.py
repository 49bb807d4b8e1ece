"""Opt-out lists: the proof that none of the listed keys is in a dataset, by looking up the key of every row.

A list is a text file with a key a line, or a table with the key's column. Keys are held as 16 bytes each, so that a
list of ten million fits into 160 MB, and are never written anywhere. Where two writings of one key are in doubt, a row
counts as listed: the proof is for the people on the list.
"""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import compress
from typing import IO, TYPE_CHECKING, Any

from reprokit.datasets.keys import Keys, items
from reprokit.datasets.sources import Options, damaged, format_of, open_table
from reprokit.datasets.sources.json_table import kind_in
from reprokit.datasets.sources.json_values import array_items
from reprokit.datasets.sources.lines import ERRORS, lines_of, open_text
from reprokit.digest import sha256_file
from reprokit.errors import UnverifiedError, UsageError
from reprokit.schema.dataset import OptOutProof

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_TABLES = ("csv", "jsonl", "json", "parquet", "arrow")
_LISTS = "Write it with a key a line, or as CSV, JSON, Parquet or Arrow with a column of keys."
_NO_TEXT = re.compile(
    r"\.(zip|tar|tgz|tbz2|txz|7z|rar|lz4|xlsx?|ods|pdf|docx?|pkl|pickle|avro|orc|sqlite3?|db|duckdb|ya?ml|toml|xml|html?)"
    r"(\.(gz|bz2|xz|zst))?$",
    re.IGNORECASE,
)
_DRESSED = tuple(map(re.compile, (r"^\".*\"[,;]?$|^'.*'[,;]?$", r"[,;]$", r"\t", r"^[-*] ", r"^\d+[.)] ", r"^<.*>$")))
"""What stands around keys that were copied out of a table or another language, on every line then."""
_SEVERAL = re.compile(r"[;|\t]")
_CELLS = re.compile(r"[,;|\t]")
_MARKED = re.compile(r"\s*(\[\s*[\[{\"\d\]-]|\{\s*[\"}])")
"""How JSON begins, and hardly any key."""
_OBJECT = re.compile(r"\s*\{\s*\"")
_HEX = re.compile(r"[0-9a-f]{64}")


def _paths(path: str, root: str) -> list[str]:
    """How a list may name a file: from the root or from any directory above it, with ``./`` or without."""
    found, above = [path], root.strip("/").split("/") if root else []
    for folder in reversed(above):
        found.append(f"{folder}/{found[-1]}")
    return [*found, *(f"./{one}" for one in found), f"/{found[-1]}"]


def _stems(path: str, _root: str) -> list[str]:
    """A file's name, and what stands before each of its dots: of ``ann.smith.txt`` any may be the key."""
    base = path.rpartition("/")[2]
    return [base[:at] for at, mark in enumerate(base) if mark == "." and at] + [base]


_OF_FILES = {"path": _paths, "stem": _stems}
"""How keys that are names of files may be written, of a path and the directory that it counts from."""


def list_format(path: Path) -> str | None:
    """How a list is read: as one of the tables, as an ``array`` of keys, or None for a key a line.

    Raises:
        UsageError: RPK164, as none of them: no key of it would ever be found, and all would seem well.
    """
    name = str(path)
    kind = format_of(name)
    if kind == "json":
        kind = kind_in(name, name)
        if kind is None:
            raise UsageError("RPK164", f"{path} is no list: its JSON is no array", _LISTS)
        return kind or "array"
    if kind in _TABLES:
        return kind
    if kind is not None or _NO_TEXT.search(name):
        raise UsageError("RPK164", f"{path} is no list of a kind that can be read", _LISTS)
    with suppress(*ERRORS), open_text(name) as text:
        head = text.read(4096)
        if _MARKED.match(head):
            raise UsageError("RPK164", f"{path} looks like JSON; its name should end in .json or .jsonl", _LISTS)
        lines = [line.strip() for line in head.splitlines() if line.strip()]
        if lines and any(all(map(how.search, lines)) for how in _DRESSED):
            said = "all its lines are in quotes, end in a comma or semicolon, have a bullet or number, or hold a tab"
            raise UsageError("RPK164", f"{path} is no list with a key a line: {said}", _LISTS)
    return None


def _is_object(value: Any) -> bool:
    """Whether a value is an object of JSON: read already, or as it stands in a sample of a shard, or in a text."""
    if isinstance(value, bytes | memoryview):
        value = bytes(value[:99]).decode("latin-1")
    return isinstance(value, dict) or (isinstance(value, str) and _OBJECT.match(value) is not None)


class OptOut:
    """A list, and what came of looking its keys up.

    Args:
        path: of the list.
        key: the column that is compared; ``path`` or ``stem`` for the files' names.
        version: of the list.
        hashed: the list holds the sha256 (hex) of keys, as lists are given away.

    Raises:
        UsageError: RPK003, there is no such list; RPK164, it holds no key, or no column of this name.
        UnverifiedError: RPK153, it changed while it was read; RPK156, it is damaged.
    """

    def __init__(self, path: Path, key: str, version: str = "", *, hashed: bool = False) -> None:
        if not path.is_file():
            raise UsageError("RPK003", f"{path} does not exist")
        self.path, self.key, self.version, self._hashed = path, key, version, hashed
        self._digest = sha256_file(path)
        self._keys = Keys()
        digests_only = True
        for value in self._values():
            if hashed:
                self._keys.add(self._digest_text(value))
            else:
                digests_only = digests_only and _HEX.fullmatch(str(value).strip().lower()) is not None
                self._keys.add(value)
        if not self._keys.close():
            raise UsageError("RPK164", f"{path} holds no key")
        if sha256_file(path) != self._digest:
            raise UnverifiedError("RPK153", f"{path} changed while it was read")
        # A list of digests that nobody calls one would find nobody: the digests of keys are looked up as well.
        self._by_digest = hashed or digests_only
        self.rows = self.found = 0
        self.unread: list[str] = []
        self.hidden: list[str] = []

    def _digest_text(self, value: Any) -> str:
        text = str(value).strip().lower().removeprefix("sha256:")
        if not _HEX.fullmatch(text):
            raise UsageError("RPK164", f"{self.path} is said to hold sha256 digests, and holds something else")
        return text

    def _values(self) -> Iterator[Any]:
        """The keys, as they stand in the list."""
        name, kind = str(self.path), list_format(self.path)
        if kind not in _TABLES:
            try:
                with open_text(name) as text:
                    yield from self._plain(text, kind)
            except (*ERRORS, ValueError, RecursionError) as error:
                raise damaged(name, error) from None
            return
        column = self._column(name, kind)
        for batch in open_table(name, name, kind, Options()).batches():
            yield from (item for value in batch.get(column, ()) for item in items(value))
        if kind == "csv" and column != self.key:
            yield column  # a file of one column: its first line may be a key as well as a title

    def _plain(self, text: IO[str], kind: str | None) -> Iterator[Any]:
        """A key a line, or the items of an array."""
        if kind != "array":
            for number, line in enumerate(lines_of(text)):
                yield from self._of_line(line.strip(), first=not number)
            return
        for value in array_items(text):
            if isinstance(value, dict | list):
                raise UsageError("RPK164", f"{self.path} holds other things beside keys")
            yield from items(value)

    def _of_line(self, line: str, *, first: bool) -> Iterator[str]:
        """The key of a line; with a remark behind it, the key without the remark too."""
        if "\0" in line:
            raise UsageError("RPK164", f"{self.path} is no list with a key a line: it holds bytes that are no text")
        if first and self.key in (cells := [cell.strip(" \"'") for cell in _CELLS.split(line)]) and len(cells) > 1:
            raise UsageError("RPK164", f"{self.path} looks like CSV; its name should end in .csv", _LISTS)
        if line:
            yield line
        if (key := line.partition(" #")[0].rstrip()) not in ("", line):
            yield key

    def _column(self, name: str, kind: str) -> str:
        """The column of a table that holds the keys; one alone may have any name."""
        table = open_table(name, name, kind, Options())
        for _ in table.batches():
            pass  # a line of JSON may name a column that none before it has
        names = [one.name for one in table.columns()]
        if self.key in names or not names:
            return self.key
        if len(names) > 1:
            raise UsageError("RPK164", f"{self.path} has no column {self.key!r}; it has {', '.join(names)}")
        if names[0] != self.key and _SEVERAL.search(names[0]):
            raise UsageError("RPK164", f"{self.path} has one column, {names[0]!r}: separate its columns by commas")
        return names[0]

    @property
    def of_files(self) -> bool:
        """Whether files are compared by their names, rather than rows."""
        return self.key in _OF_FILES

    def see_file(self, path: str, root: str = "") -> None:
        """Looks a file's name up; it counts from a directory."""
        self._look_up([_OF_FILES[self.key](path, root)])

    def see(self, path: str, batch: Mapping[str, Sequence[Any]]) -> None:
        """Looks the keys of rows up.

        Raises:
            UsageError: RPK164, there is no such column, so nothing can be said of these rows.
        """
        if self.key in batch:
            self._look_up(batch[self.key])
        elif not self.of_files:
            raise self.lacking(path)

    def lacking(self, path: str) -> UsageError:
        """The error for a table without the column."""
        said = f"{path} has no column {self.key!r}, which the opt-out list {self.path} needs"
        return UsageError("RPK164", said)

    def skip(self, path: str, *, hides_rows: bool = False) -> None:
        """Notes a file whose rows were not read; names of files say nothing of rows, and need none."""
        if not self.of_files:
            self.unread.append(path)
            self.hidden += [path] if hides_rows else []

    def settle(self) -> None:
        """Says whether anything was looked up at all.

        Raises:
            UsageError: RPK164, nothing was: then the list was neither applied nor not applied.
        """
        if not self.of_files and not self.rows and self.unread:
            some = ", ".join(self.unread[:3])
            said = f"no row was read, so nothing can be said of {self.key!r} and the opt-out list {self.path}: {some}"
            raise UsageError("RPK164", said, "Compare names of files (path, stem), or name a format that has rows.")
        if self.hidden:
            said = f"not read, and there may be rows in it that the opt-out list {self.path} names: "
            raise UsageError(
                "RPK164", said + ", ".join(self.hidden[:3]), "Unpack it, write it as JSON lines, or --exclude it."
            )

    def _look_up(self, values: Sequence[Any]) -> None:
        self.rows += len(values)
        owners, flat = [], []
        for at, value in enumerate(values):
            for one in items(value):
                owners.append(at)
                flat.append(one)
        if any(map(_is_object, flat)):
            raise UsageError("RPK164", f"{self.key!r} holds objects, and the opt-out list {self.path} plain keys")
        ways = [way for way, wanted in ((False, not self._hashed), (True, self._by_digest)) if wanted]
        hits: set[int] = set()
        for way in ways:
            hits.update(compress(owners, self._keys.holds(flat, by_digest=way)))
        self.found += len(hits)

    def proof(self) -> OptOutProof:
        """What was found."""
        return OptOutProof(
            list_digest=self._digest, keys_digest=self._keys.digest(), version=self.version, key=self.key,
            keys=len(self._keys), rows_read=self.rows, found=self.found, files_unread=len(self.unread),
            holds=self.found == 0,
        )  # fmt: skip
