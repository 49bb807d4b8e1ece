"""The repro bundle: an ordinary tar in zstd frames, read lazily and checked to the last bit.

`pack` writes one, `BundleReader` reads one. The container knows members and the list of them in the manifest; what
else the manifest says is the schema's business.
"""

from __future__ import annotations

from reprokit.bundle.limits import Limits
from reprokit.bundle.members import Member
from reprokit.bundle.names import MANIFEST, check_name, escape_name, unescape_name
from reprokit.bundle.reader import BundleReader
from reprokit.bundle.source import ByteSource, LocalFile
from reprokit.bundle.writer import Item, pack

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
