r"""Which member names are safe, and how a name that is not UTF-8 is written in JSON.

A file name on Linux is any bytes. Inside Python it is a `str` with surrogate escapes (PEP 383), in the tar it is the
bytes themselves, and in the manifest, whose canonical JSON (RFC 8785) has no room for lone surrogates, it is the text
with every byte that is not UTF-8, and every backslash, written as ``\xNN``.
"""

from __future__ import annotations

import re

MANIFEST = "manifest.json"
"""The name of the last member, which no other member may have."""

MAX_NAME_BYTES = 4095
"""Linux's PATH_MAX without its NUL: a longer name cannot be extracted."""

MAX_PART_BYTES = 255
"""NAME_MAX of the usual Linux file systems."""

MAX_DEPTH = 128
"""Directories and file name together."""

_SEPARATORS = re.compile(r"[/\\]")
_DRIVE = re.compile(r"[A-Za-z]:")
_ESCAPE = re.compile(r"\\x([0-9a-f]{2})")


def check_name(name: str) -> None:
    """Checks that a member name can be joined to any directory and stays inside it.

    This is the only place that says which names are safe. A backslash is an ordinary character of a Linux file name,
    and a separator elsewhere: it is allowed where the name is safe under both readings.

    Raises:
        ValueError: the name is empty, absolute, has a drive, a NUL, an empty part, ``.`` or ``..``, is too long or too
            deep, or stands for no bytes (a lone surrogate outside PEP 383, or escapes that form valid UTF-8).
    """
    raw = name_bytes(name)
    parts = _SEPARATORS.split(name)
    if not name:
        reason = "is empty"
    elif "\0" in name:
        reason = "holds a NUL"
    elif _DRIVE.match(name) or name[0] in "/\\":
        reason = "is absolute"
    elif any(part in {"", ".", ".."} for part in parts):
        reason = "has an empty, '.' or '..' part"
    elif len(raw) > MAX_NAME_BYTES or any(len(part) > MAX_PART_BYTES for part in raw.split(b"/")):
        reason = "is too long for a file system"
    elif len(parts) > MAX_DEPTH:
        reason = f"is deeper than {MAX_DEPTH} levels"
    else:
        return
    raise ValueError(f"member name {_shown(name)} {reason}")


def name_bytes(name: str) -> bytes:
    """The bytes that a name stands for, whatever the locale.

    Raises:
        ValueError: the text stands for no bytes, or for bytes that another text stands for.
    """
    if name.isascii():
        return name.encode()
    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError(f"member name {_shown(name)} holds a lone surrogate") from error
    if raw.decode("utf-8", "surrogateescape") != name:
        raise ValueError(f"member name {_shown(name)} escapes bytes that are valid UTF-8")
    return raw


def escape_name(name: str) -> str:
    r"""Writes a name for JSON: bytes that are not UTF-8, and backslashes, become ``\xNN``.

    ``unescape_name(escape_name(name)) == name`` for every name that `name_bytes` accepts, and different names give
    different texts. Nearly every name is written as it is.

    Raises:
        ValueError: see `name_bytes`.
    """
    # Backslashes go first: those that `backslashreplace` adds must not be escaped again.
    return name_bytes(name.replace("\\", "\\x5c")).decode("utf-8", "backslashreplace")


def unescape_name(text: str) -> str:
    """Reads what `escape_name` wrote.

    Raises:
        ValueError: `escape_name` writes no such text.
    """
    name = _ESCAPE.sub(_escaped_byte, text)
    if escape_name(name) != text:
        raise ValueError(f"member name {_shown(text)} is not escaped as names are")
    return name


def colliding_name(names: list[str]) -> str | None:
    """Finds a name that is given twice, or that would have to be a file and a directory at once.

    Names are safe ones (`check_name`). `MANIFEST` counts as given.
    """
    seen = {MANIFEST}
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    directories: set[str] = set()
    for name in names:
        parent = name.rpartition("/")[0]
        # A known directory's own parents are known, so that deep trees cost one look-up a name.
        while parent and parent not in directories:
            directories.add(parent)
            parent = parent.rpartition("/")[0]
    return min(seen & directories, default=None)


def _escaped_byte(match: re.Match[str]) -> str:
    return bytes([int(match[1], 16)]).decode("utf-8", "surrogateescape")


def _shown(name: str) -> str:
    text = ascii(name)
    return text if len(text) <= 120 else text[:117] + "..."
