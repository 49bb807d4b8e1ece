"""The splits of content that was read before: kept beside the digests of files, so that a second look is quick."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

import reprokit
from reprokit.schema.dataset_sampling import Sampling

if TYPE_CHECKING:
    from reprokit.datasets.cache import DigestCache
    from reprokit.schema.dataset import DatasetManifest


def known_splits(manifest: DatasetManifest, cache: DigestCache) -> Sampling | None:
    """The splits that this content was found to have, if anyone looked; it says nothing of what the manifest says."""
    asked = _question(manifest)
    known = cache.answer(asked) if asked else None
    try:
        return Sampling.model_validate_json(known) if known is not None else None
    except ValidationError:  # a damaged cache is none
        return None


def remember_splits(manifest: DatasetManifest, found: Sampling, cache: DigestCache) -> None:
    """Keeps what was just computed from the content that has the manifest's tree digest."""
    if asked := _question(manifest):
        cache.remember_answer(asked, found.model_dump_json())


def _question(manifest: DatasetManifest) -> str:
    """A digest of the content, and of how its splits are found; nothing where that is not all that decides.

    A Git LFS pointer has the digest of content that may not be at hand.
    """
    snapshot, sampling = manifest.snapshot, manifest.sampling
    if snapshot.kind != "files" or snapshot.reading is None or snapshot.pointers or not sampling.splits:
        return ""
    asked = [reprokit.__version__, snapshot.digest, snapshot.reading.model_dump(), sampling.column, sampling.seed,
             sampling.strategy, [[one.name, one.globs] for one in sampling.splits]]  # fmt: skip
    return "splits:3:" + hashlib.sha256(json.dumps(asked).encode()).hexdigest()
