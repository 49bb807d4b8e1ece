"""A file of JSON that is a table: an array of objects, read one at a time; or JSON lines by another name.

Other JSON, such as settings and vocabularies, is no table. The file's first characters tell.
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Any

from reprokit.datasets.sources import Options, damaged
from reprokit.datasets.sources.json_values import DECODER, PIECE, array_items
from reprokit.datasets.sources.jsonl_table import JsonLines
from reprokit.datasets.sources.lines import ERRORS, open_bytes, open_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_RECORDS = re.compile(r"\s*\[\s*[{\]]")
_ARRAY = re.compile(r"\s*\[")
_OBJECT = re.compile(r"\s*\{")
_LARGEST = 64 << 20
"""Bytes of JSON that are looked through as a whole."""


class JsonArray(JsonLines):
    """One file. The items are its rows; a key that one has not is a null there."""

    format = "json"

    def _objects(self, file: IO[str]) -> Iterator[dict[str, Any]]:
        for number, row in enumerate(array_items(file)):
            if not isinstance(row, dict):
                raise damaged(self._path, f"item {number} of the array is no object")
            yield row


def kind_of(head: str) -> str | None:
    """What a file of JSON is by its beginning: ``json`` for an array of objects, ``jsonl`` for objects in lines.

    Returns:
        None where it is no table; "" where there may be rows in it all the same.
    """
    if _RECORDS.match(head):
        return "json"
    if _ARRAY.match(head):
        return ""
    if not _OBJECT.match(head):
        return None
    first, line_feed, rest = head.lstrip().partition("\n")
    try:
        DECODER.decode(first)
    except (ValueError, RecursionError):
        return None if line_feed else _unsure(head)
    return "jsonl" if rest.lstrip().startswith("{") else None


def _unsure(head: str) -> str | None:
    """Of an object of which no line ends in sight: a line of many, or the only one."""
    return "" if len(head) >= PIECE else None


def kind_in(full: str, path: str) -> str | None:
    """The same of a file."""
    try:
        with open_text(full, path) as file:
            return kind_of(file.read(PIECE))
    except ERRORS:
        return None if path.lower().endswith(".json") else ""


def may_have(full: str | IO[bytes], path: str, keys: Collection[str]) -> bool:
    """Whether JSON that is no table may hold records with one of the keys.

    That is an object with the key as a whole or anywhere in an array; or several objects in objects, as in a map of
    records, whose key has no object for a value: an object's member describes something otherwise, as the columns of a
    dataset do. Also the key among texts beside rows without names, and text with the key that is no JSON to us.
    """
    data = b""
    try:
        with open_bytes(full, path) as file:
            data = file.read(_LARGEST)
        if len(data) < _LARGEST:
            return _has(DECODER.decode(data.decode("utf-8-sig")), keys)
    except (*ERRORS, ValueError, RecursionError):
        pass  # cut, damaged, of another encoding, or several values one after the other
    return any(_written(key, data) for key in keys)


def _written(key: str, data: bytes) -> bool:
    """Whether a text has a key before a colon, in any of the encodings of JSON."""
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        quoted, colon, blank = (text.encode(encoding, "surrogatepass") for text in (f'"{key}"', ":", " "))
        if re.search(re.escape(quoted) + b"(?:" + re.escape(blank) + b")*" + re.escape(colon), data):
            return True
    return False


def _has(whole: Any, keys: Collection[str]) -> bool:
    members, named, bare = 0, False, False
    pending = [(whole, isinstance(whole, dict), False)]
    while pending:
        value, is_record, in_array = pending.pop()
        if isinstance(value, dict):
            if (is_record or in_array) and not value.keys().isdisjoint(keys):
                return True
            members += any(key in value and not isinstance(value[key], dict) for key in keys)
            pending += [(one, False, in_array) for one in value.values()]
        elif isinstance(value, list):
            named = named or any(isinstance(one, str) and one in keys for one in value)
            bare = bare or any(isinstance(one, list) for one in value)
            pending += [(one, False, True) for one in value]
    return members > 1 or (named and bare)


def open_table(full: str | IO[bytes], path: str, _kind: str, _options: Options) -> JsonArray:
    """Opens a file."""
    return JsonArray(full, path)
