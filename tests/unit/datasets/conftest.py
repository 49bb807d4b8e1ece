"""Datasets that are described in a directory of their own, with a cache of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.schema.dataset_config import DatasetConfig
from reprokit.schema.dataset_identity import manifest_id
from reprokit.verbs import manifest, manifest_check
from reprokit.verbs.manifest import Made, ManifestOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reprokit.schema.dataset_reports import DatasetCheck


class Place:
    """A directory with data, and what is said of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"
        self.data.mkdir()
        self.manifest = root / "data.manifest.json"
        # Files that were written a moment ago are not remembered otherwise.
        self.options = ManifestOptions(settled_ns=-10_000_000_000)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def create(self, options: ManifestOptions | None = None, output: Path | None = None, **settings: Any) -> Made:
        if settings.get("terms", {}).get("licence"):
            pytest.importorskip("license_expression", reason="needs the extra `datasets`")
        given = {"path": "data", **settings} if "query" not in settings else settings
        config = DatasetConfig.model_validate(given)
        return manifest.create(config, "data", self.root, output or self.manifest, options or self.options)

    def check(self, options: ManifestOptions | None = None, **more: Any) -> DatasetCheck:
        return manifest_check.check(self.manifest, options=options or self.options, **more)

    def reseal(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Edits the manifest, and gives it the id of what it says then."""
        plain = json.loads(self.manifest.read_bytes())
        change(plain)
        plain["id"] = manifest_id(plain)
        self.manifest.write_text(json.dumps(plain))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    return Place(tmp_path)
