"""The id of a dataset manifest, computed from its JSON, so that it holds for the keys of a later version too."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from reprokit.schema.base import canonical_json, plain_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping


def manifest_id(plain: Mapping[str, Any]) -> str:
    """The id that a manifest's JSON must have, whatever version wrote it: keys that are not known count as well.

    Raises:
        ValueError: it holds what has no canonical form.
    """
    kept = plain_numbers({key: value for key, value in plain.items() if key not in {"id", "made"}})
    if isinstance(kept.get("snapshot"), dict):
        kept["snapshot"] = {key: value for key, value in kept["snapshot"].items() if key not in {"files", "file_list"}}
    return "sha256:" + hashlib.sha256(canonical_json(kept)).hexdigest()
