"""Opens a bundle: container, manifest, id."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from reprokit.bundle.reader import BundleReader
from reprokit.digest import sha256_bytes
from reprokit.schema.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def open_bundle(path: Path) -> Iterator[tuple[BundleReader, Manifest, str]]:
    """Opens a bundle; yields its reader, its manifest and its id.

    Raises:
        UsageError: RPK003, there is no such file.
        CorruptBundleError: it cannot be read as a bundle.
    """
    with BundleReader.open(path) as reader:
        manifest = Manifest.parse(reader.manifest, f"the manifest of {path.name}")
        yield reader, manifest, sha256_bytes(reader.manifest)
