"""Files that are no tables here and may hold rows all the same: then an opt-out list cannot be said to hold."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_CLOSED = re.compile(
    r"\.(zip|tar|tgz|tbz2|txz|7z|rar|gz|bz2|xz|zst|lz4|xlsx?|ods|pkl|pickle|avro|orc|sqlite3?|db|duckdb|mdb|accdb"
    r"|tfrecords?|hdf5?|h5|dta|sav|sas7bdat|rds|rdata|lzma|lz|br|z|snappy|zstd|bson|msgpack|dbf|xpt)$",
    re.IGNORECASE,
)
_MAGIC = re.compile(
    rb"PAR1|ARROW1\0\0|SQLite format 3\0|Obj\x01|\x89HDF\r\n|\x1f\x8b|BZh[1-9]1AY&SY|\xfd7zXZ\0|\x28\xb5\x2f\xfd"
    rb"|7z\xbc\xaf\x27\x1c"
)
_FOOTERS = ("_metadata", "_common_metadata")
"""Files of Parquet that repeat what others say of themselves, and have no rows."""
_JSON = re.compile(rb"(\xef\xbb\xbf)?\s*[\[{]")
_CELLS = re.compile(rb"[,;|\t]")
_TABLE = re.compile(rb"\.(csv|tsv|jsonl|ndjson|parquet|arrow|feather)(\.(gz|bz2|xz|zst))?$", re.IGNORECASE)
_ZIPPED = re.compile(rb"PK\x03\x04.{22}(..)..", re.DOTALL)
"""The head of a zip's member, up to its name, with the length of the name."""
_BLOCK, _MARK = 512, 257
"""The size of a tar's blocks, and where its heads have their mark."""
HEAD = 4096
"""Bytes of a file that are looked at."""


def hides_rows(path: str, head: bytes = b"", keys: Collection[str] = ()) -> bool:
    """Whether there may be rows in a file that nobody reads.

    Args:
        path: its name: an archive, a database.
        head: its first bytes: the same under another name; or a text that has columns, or objects of JSON.
        keys: the columns that are looked for.
    """
    if path.rpartition("/")[2] in _FOOTERS:
        return False
    if _CLOSED.search(path) or _MAGIC.match(head):
        return True
    if any(map(_TABLE.search, _packed(head))):
        return True
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = head.decode("utf-16", "ignore").encode("utf-8", "surrogatepass")
    wanted = [key.encode("utf-8", "surrogatepass") for key in keys]
    if _JSON.match(head) and not path.lower().endswith(".json"):  # of which more is known
        return any(b'"%s"' % key in head for key in wanted)
    cells = [cell.strip(b" \"'\r\n\xef\xbb\xbf") for cell in _CELLS.split(head.partition(b"\n")[0])]
    return any(key in cells for key in wanted)


def _packed(head: bytes) -> Iterator[bytes]:
    """The names that can be seen of the members of a zip or a tar, whose own name says nothing of it."""
    if head.startswith(b"PK\x03\x04"):
        for found in _ZIPPED.finditer(head):
            yield head[found.end() : found.end() + int.from_bytes(found[1], "little")]
    for at in range(0, len(head), _BLOCK):
        if head[at + _MARK : at + _MARK + 5] == b"ustar":
            yield head[at : at + 100].partition(b"\0")[0]
