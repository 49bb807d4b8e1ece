"""The repro bundle: an ordinary tar in zstd frames, read lazily and checked to the last bit.

`pack` writes one, `BundleReader` reads one. The container knows members and the list of them in the manifest; what
else the manifest says is the schema's business.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.bundle.limits import Limits
    from reprokit.bundle.members import Member
    from reprokit.bundle.names import MANIFEST, check_name, escape_name, unescape_name
    from reprokit.bundle.reader import BundleReader
    from reprokit.bundle.source import ByteSource, LocalFile
    from reprokit.bundle.writer import Item, pack

_HOMES = {
    "Limits": "limits", "Member": "members", "MANIFEST": "names", "check_name": "names", "escape_name": "names",
    "unescape_name": "names", "BundleReader": "reader", "ByteSource": "source", "LocalFile": "source",
    "Item": "writer", "pack": "writer",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Imports a part when it is first asked for: reading one member needs no thread pool, writing does."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


__all__ = [
    "MANIFEST",
    "BundleReader",
    "ByteSource",
    "Item",
    "Limits",
    "LocalFile",
    "Member",
    "check_name",
    "escape_name",
    "pack",
    "unescape_name",
]
