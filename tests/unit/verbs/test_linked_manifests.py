"""A manifest that is a link: its data lie beside the link, or beside what it leads to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from reprokit.launch.lineage_manifests import manifest_files
from reprokit.schema.config import load_config
from reprokit.schema.dataset_config import DatasetConfig
from reprokit.verbs.manifest import ManifestOptions, create
from reprokit.verbs.manifest_check import check
from reprokit.verbs.release_data import datasets_at_hand

if TYPE_CHECKING:
    from pathlib import Path


class Linked:
    """A project whose manifest ``m.manifest.json`` is a link into another directory.

    Attributes:
        project: where the link is.
        target: what it leads to.
        data: the directory that the manifest describes.
    """

    def __init__(self, base: Path, home: str, inline: int, chosen: str) -> None:
        self.project, kept = base / "project", base / "kept"
        self.link, self.target = self.project / "m.manifest.json", kept / "m.manifest.json"
        folder = {"link": self.project, "target": kept}[home]
        self.data = folder / "data" if chosen == "data" else folder
        for one in (self.project, kept, self.data):
            one.mkdir(exist_ok=True)
        for name in "ab":
            (self.data / f"{name}.csv").write_text(f"{name}\n1\n")
        written = self.link if home == "link" else self.target
        options = ManifestOptions(inline=inline)
        self.id = create(DatasetConfig(path=chosen), "m", folder, written, options).manifest.id
        if home == "link":
            for file in self.project.glob("m.manifest*"):
                file.rename(kept / file.name)
        self.link.symlink_to(os.path.relpath(self.target, self.project))

    @property
    def difference(self) -> str:
        """What a release is told of the data."""
        return datasets_at_hand({self.id: "m"}, self.project).states[self.id].difference


@pytest.fixture(params=["data", "*.csv", "."])
def chosen(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["link", "target"])
def home(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[1000, 0], ids=["inline", "list"])
def linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str, chosen: str, request: pytest.FixtureRequest
) -> Linked:
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    return Linked(tmp_path, home, int(request.param), chosen)


def test_data_that_are_the_manifests_are_found_and_a_change_of_them_too(linked: Linked) -> None:
    found = check(linked.link)
    assert (found.met, found.manifest) == (True, str(linked.link)), found.findings
    assert linked.difference == ""
    (linked.data / "a.csv").write_text("a\n2\n")
    found = check(linked.link)
    assert (found.files.changed_paths, found.files.removed, found.met) == (["a.csv"], 0, False)
    assert "a.csv" in linked.difference


def test_a_link_and_what_it_leads_to_are_one_manifest(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.reprokit.lineage]\nmanifests = ["**/*.manifest.json"]\n')
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "m.manifest.json").write_text("{}")
    (tmp_path / "m.manifest.json").symlink_to("a/m.manifest.json")
    config = load_config(tmp_path)
    assert manifest_files(config, tmp_path) == [tmp_path / "m.manifest.json"]
    assert manifest_files(config, tmp_path, [tmp_path / "a/m.manifest.json"]) == [tmp_path / "m.manifest.json"]
