"""How much a reader may be made to do by a file that it does not trust."""

from __future__ import annotations

from dataclasses import dataclass

from reprokit.bundle.names import MAX_DEPTH, MAX_NAME_BYTES
from reprokit.errors import CorruptBundleError

_RATIO_FREE = 4 << 30
_RATIO_FREE_MANIFEST = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Upper bounds for reading a bundle; all are checked while opening, before any member is decompressed.

    zstd writes a gigabyte of zeros in 33 kB, and checkpoints do hold large zero tensors, so a ratio says little about
    a small bundle: what protects memory is that frames are small, what protects the disk is `max_total_bytes`, and
    `max_ratio` only stops a small file from claiming all of that.

    Attributes:
        max_total_bytes: of all members together, with their tar headers, uncompressed.
        max_ratio: uncompressed to compressed size; of the archive where it is larger than 4 GiB, and of the manifest
            where it is larger than 1 MiB.
        max_members: files in the bundle.
        max_name_bytes: of one member's name.
        max_depth: directories and file name of one member.
        max_manifest_bytes: of `manifest.json`, which is held in memory. Parsed JSON takes up to 25 times as much.
    """

    max_total_bytes: int = 256 << 30
    max_ratio: int = 1000
    max_members: int = 1_000_000
    max_name_bytes: int = MAX_NAME_BYTES
    max_depth: int = MAX_DEPTH
    max_manifest_bytes: int = 64 << 20

    def check(self, limit: str, value: int) -> None:
        """Compares a value with one limit.

        Args:
            limit: an attribute's name.
            value: in that attribute's unit.

        Raises:
            CorruptBundleError: RPK024, the value is larger.
        """
        allowed = getattr(self, limit)
        if value > allowed:
            raise CorruptBundleError("RPK024", f"the bundle needs {value} where {limit} allows {allowed}")

    def check_ratio(self, size: int, compressed: int, *, manifest: bool = False) -> None:
        """Compares an expansion with `max_ratio`; sizes in bytes.

        Raises:
            CorruptBundleError: RPK024, it expands further.
        """
        if size > max(_RATIO_FREE_MANIFEST if manifest else _RATIO_FREE, self.max_ratio * compressed):
            raise CorruptBundleError(
                "RPK024", f"{compressed} bytes expand to {size}, more than max_ratio ({self.max_ratio}) times as much"
            )


DEFAULT_LIMITS = Limits()
