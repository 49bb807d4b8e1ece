"""Names and times that any standard can bear."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from reprokit.digest import sha256_bytes
from reprokit.errors import UnverifiedError

_PLAIN = frozenset(string.ascii_letters + string.digits + "-")
_AUTHORITY = re.compile(r"(//([\w.~!$&'()*+,;=%-]+@)?([A-Za-z0-9._~-]*|\[[0-9A-Fa-f:.]+\])(:\d*)?)?", re.ASCII)
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_COARSE = re.compile(r"\d{4}(-\d\d)?", re.ASCII)  # a year or a month, which ISO 8601 allows
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 253_402_300_799_999
"""The last millisecond that a date can say: the end of the year 9999."""
PRODUCER = "https://reprokit.readthedocs.io"
"""Who says so, where a standard asks for a URI."""


def encoded(text: str) -> str:
    """A text as an NCName: other bytes of its UTF-8 than letters, digits and hyphens as ``_`` and two digits.

    Percent signs would be shorter, but Turtle's writers cannot abbreviate names that have some.
    """
    made = "".join(chr(one) if chr(one) in _PLAIN else f"_{one:02X}" for one in text.encode())
    return f"_{ord(made[0]):02X}{made[1:]}" if made[:1].isdecimal() or made[:1] == "-" else made


def decoded(name: str) -> str:
    """What `encoded` was given; a name that it did not make may come back changed."""
    spelled = re.sub(r"_([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), name)
    try:
        return spelled.encode("latin-1").decode()
    except UnicodeError:
        return name


def moment(milliseconds: int) -> datetime | None:
    """Milliseconds since the epoch as a date; none for 0, which means unknown, and for what a date cannot say."""
    if not 0 < milliseconds <= _LATEST:
        return None
    return _EPOCH + timedelta(milliseconds=milliseconds)


def milliseconds(when: datetime | str | None) -> int:
    """Milliseconds since the epoch of a date or its ISO 8601 text; 0 for none and for dates before the epoch.

    Raises:
        ValueError: the text is no date.
    """
    if when is None:
        return 0
    if isinstance(when, str):
        when = datetime.fromisoformat(f"{when}-01-01"[:10] if _COARSE.fullmatch(when) else when)
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0, (when - _EPOCH) // timedelta(milliseconds=1))


def stamp(milliseconds: int) -> str:
    """Milliseconds since the epoch in ISO 8601, UTC; the epoch itself for what a date cannot say."""
    when = moment(milliseconds) or _EPOCH
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def uri_of(place: str) -> str:
    """A place as a URI: one that has a scheme as it is, ``git@host:path`` as HTTPS, and a path as a file.

    Characters that a part of a URI cannot have are percent-encoded. Source: RFC 3986, appendix B.
    """
    remote = re.fullmatch(r"[\w.-]+@([\w.-]+):([^/].*)", place, re.ASCII)
    if remote:
        place = f"https://{remote[1]}/{remote[2]}"
    parts = re.match(r"([A-Za-z][A-Za-z0-9+.-]*:)(//[^/?#]*)?([^?#]*)(\?[^#]*)?(#.*)?", place, re.DOTALL)
    if parts is None:
        path = place.encode("utf-8", "replace")
        return ("file://" if place.startswith("/") else "file:") + quote(path, safe="/!$&'()*+,;=:@")
    scheme, authority, path_part, query, fragment = (part or "" for part in parts.groups())
    if not _AUTHORITY.fullmatch(authority):
        authority = f"//{_escaped(authority[2:], '')}"
    end = f"#{_escaped(fragment[1:], '/?:@')}" if fragment else ""
    return f"{scheme}{authority}{_escaped(path_part, '/:@')}{_escaped(query, '/?:@')}{end}"


def _escaped(part: str, safe: str) -> str:
    """Percent-encodes what this part cannot have, and what is no percent-encoding yet."""
    return re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", quote(part, safe=f"%!$&'()*+,;={safe}"))


def sha256_of(identifier: str) -> str:
    """The 64 hexadecimal digits of an identifier ``sha256:HEX``, else an empty text."""
    kind, _, digits = identifier.partition(":")
    good = kind == "sha256" and len(digits) == 64 and all(one in "0123456789abcdef" for one in digits)
    return digits if good else ""


def content_of(identifier: str, kind: str) -> str:
    """The SHA-256 of a node's bytes, or an empty text where its identifier is no digest of bytes.

    A bundle's identifier is the digest of its canonical manifest: whoever hashes the file finds another one.
    """
    return "" if kind == "Bundle" else sha256_of(identifier)


def scope_of(kind: str, text: str) -> str:
    """What stands before the names that a document gives for itself alone: its kind and its digest."""
    return f"{kind}:{sha256_bytes(text.encode()).rpartition(':')[2][:16]}"


def is_uri(name: str) -> bool:
    """Whether a name has a scheme; ``C:`` is none."""
    return _ABSOLUTE.match(name) is not None


def scoped(name: str, scope: str) -> str:
    """A name such as ``#run`` as one that no other document has; a URI means the same everywhere and stays.

    Otherwise two documents that have nothing to do with each other would be joined by all that they call alike.
    """
    return name if is_uri(name) else f"{scope}#{name.removeprefix('#')}"


def urn_of(identifier: str) -> str:
    """The name of an artifact that lies nowhere, where a standard asks for a URI."""
    return f"urn:reprokit:artifact:{encoded(identifier)}"


def missing(name: str, extra: str, error: ImportError) -> UnverifiedError:
    """RPK168: the library of a standard is not installed."""
    return UnverifiedError("RPK168", f"{name} needs the extra `{extra}`: {error}")
