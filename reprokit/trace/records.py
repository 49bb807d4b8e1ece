"""Records of text fields in an append-only file, readable up to the last whole one after a crash.

Standard library only and cheap to import: it is loaded in every observed process.
"""

from __future__ import annotations


def encode_record(*fields: str | bytes) -> bytes:
    """One record: NUL separates its fields and two NULs end it, since paths hold any byte but NUL.

    No field may stand empty between separators, so an empty field, and one that begins with a space, gets a space
    more in front. A NUL inside a field becomes ``?``.
    """
    raw = [field if isinstance(field, bytes) else field.encode("utf-8", "surrogateescape") for field in fields]
    clean = (field.replace(b"\0", b"?") for field in raw)
    return b"\0".join(field if field and field[:1] != b" " else b" " + field for field in clean) + b"\0\0"


def decode_records(data: bytes) -> list[tuple[str, ...]]:
    """Reads what `encode_record` wrote; a record cut by a crash is left out.

    >>> decode_records(encode_record("r", "") + b"w")
    [('r', '')]
    """
    *whole, _cut = data.split(b"\0\0")
    return [
        tuple(field.decode("utf-8", "surrogateescape").removeprefix(" ") for field in record.split(b"\0"))
        for record in whole
    ]
