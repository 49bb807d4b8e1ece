"""Hugging Face `datasets` on disk: what ``Dataset.save_to_disk`` and ``DatasetDict.save_to_disk`` write.

``state.json`` names the Arrow files in their order, ``dataset_info.json`` the features, ``dataset_dict.json`` the
splits.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from reprokit.datasets.sources import damaged

if TYPE_CHECKING:
    from pathlib import Path


class Saved(NamedTuple):
    """One dataset: its directory below the root, its files there in order, its features, the name of its split."""

    directory: str
    files: list[str]
    features: dict[str, Any]
    split: str


def saved_in(root: Path) -> list[Saved]:
    """The datasets in a directory; none when it is not of this kind.

    Raises:
        UnverifiedError: RPK156, a document of it is damaged.
    """
    index = root / "dataset_dict.json"
    if index.is_file():
        splits = _load(index).get("splits")
        if not isinstance(splits, list) or not all(_plain(name) for name in splits):
            raise damaged(str(index), "it names no splits")
        return [_saved(root, name, name) for name in splits]
    if (root / "state.json").is_file() and (root / "dataset_info.json").is_file():
        split = _load(root / "state.json").get("_split")
        return [_saved(root, "", split if isinstance(split, str) else "")]
    return []


def _saved(root: Path, directory: str, split: str) -> Saved:
    place = root / directory
    files = _load(place / "state.json").get("_data_files")
    names = [file.get("filename") for file in files if isinstance(file, dict)] if isinstance(files, list) else []
    if not all(_plain(name) for name in names):
        raise damaged(str(place / "state.json"), "it names files outside of its directory")
    lost = next((name for name in map(str, names) if not (place / name).is_file()), None)
    if lost is not None:
        raise damaged(str(place / "state.json"), f"it names {lost}, which is not here")
    features = _load(place / "dataset_info.json").get("features")
    prefix = f"{directory}/" if directory else ""
    return Saved(
        directory, [f"{prefix}{name}" for name in names], features if isinstance(features, dict) else {}, split
    )


def _plain(name: object) -> bool:
    return isinstance(name, str) and bool(name) and "/" not in name and "\0" not in name and name not in {".", ".."}


def _load(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(str(path), error) from None
    if not isinstance(found, dict):
        raise damaged(str(path), "it holds no object")
    return found
