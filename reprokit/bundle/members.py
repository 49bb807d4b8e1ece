"""What stands in a bundle: its members, and the list of them in the manifest."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reprokit.bundle.limits import DEFAULT_LIMITS, Limits
from reprokit.bundle.names import MANIFEST, check_name, colliding_name, escape_name, name_bytes, unescape_name
from reprokit.errors import CorruptBundleError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Member:
    """One file in a bundle.

    Attributes:
        path: relative, with ``/``; bytes that are not UTF-8 are surrogate escapes (PEP 383).
        sha256: ``sha256:HEX`` of the content.
        size: of the content, in bytes.
        executable: whether its mode is 0755 instead of 0644.
    """

    path: str
    sha256: str
    size: int
    executable: bool = False

    def to_json(self) -> dict[str, str | int | bool]:
        """The member as it stands in the manifest's ``members``; its path is escaped by `escape_name`."""
        return {
            "path": escape_name(self.path),
            "sha256": self.sha256,
            "size": self.size,
            "executable": self.executable,
        }


def parse_members(manifest: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[Member, ...]:
    """Reads the ``members`` of a manifest; whatever else it holds is the schema's business.

    Raises:
        CorruptBundleError: RPK027, it is not JSON or has no such list; RPK023, a name is unsafe, given twice or out of
            order; RPK024, names or their number exceed the limits.
    """
    document = _parse_json(manifest)
    rows = document.get("members") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise CorruptBundleError("RPK027", f"{MANIFEST} has no list of members")
    limits.check("max_members", len(rows))
    members = tuple(_parse_member(row, limits) for row in rows)
    _check_names(members)
    return members


def _parse_json(data: bytes) -> Any:
    try:
        # Not `json.loads(bytes)`, which guesses UTF-16 and UTF-32.
        return json.loads(data.decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise CorruptBundleError("RPK027", f"{MANIFEST} is not JSON: {error}") from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two parsers may choose differently between equal keys, and so see two bundles in one file.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _parse_member(row: Any, limits: Limits) -> Member:
    if not isinstance(row, dict):
        raise CorruptBundleError("RPK027", "a member in the manifest is not an object")
    text, sha256, size = row.get("path"), row.get("sha256"), row.get("size")
    executable = row.get("executable", False)
    if not (
        isinstance(text, str)
        and isinstance(sha256, str)
        and _SHA256.fullmatch(sha256)
        and type(size) is int
        and size >= 0
        and isinstance(executable, bool)
    ):
        raise CorruptBundleError("RPK027", "a member in the manifest lacks a valid path, sha256, size or executable")
    try:
        path = unescape_name(text)
        limits.check("max_name_bytes", len(name_bytes(path)))
        limits.check("max_depth", path.count("/") + 1)
        check_name(path)
    except ValueError as error:
        raise CorruptBundleError("RPK023", str(error)) from error
    limits.check("max_total_bytes", size)
    return Member(path, sha256, size, executable)


def _check_names(members: Sequence[Member]) -> None:
    names = [member.path for member in members]
    twice = colliding_name(names)
    if twice is not None:
        raise CorruptBundleError("RPK023", f"member {twice!a} stands twice in the bundle, or as a file and a directory")
    if names != sorted(names, key=name_bytes):
        raise CorruptBundleError("RPK023", "the members are not sorted by name")
