"""A released format stays readable for ever: every bundle in `bundles/` is read, verified, shown and compared."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reprokit.digest import sha256_file
from reprokit.launch.opening import open_bundle

if TYPE_CHECKING:
    from conftest import CommandLine

BUNDLES = Path(__file__).parents[2] / "bundles"
LARGEST = 200 << 10

# The files as they were released. A line is added when a bundle is, and none is ever changed or removed.
RELEASED = {
    "v1/digits.repro.tar.zst": "sha256:331b09e45d579fe516803189cc75908ae6b1776624257da011cd913cdc10be2c",
    "v1/numpy.repro.tar.zst": "sha256:73c1572a41a4671bbbab08bdbd4c22e1113fa7f74b0365ab5b53b80ed1b28338",
    "v1/torch.repro.tar.zst": "sha256:4dea0499440e7832af564f57f372bdc0c737124ceb25aac133e3f1b40ae079ab",
}
FOUND = sorted(BUNDLES.glob("v*/*.repro.tar.zst"))


def changed(released: dict[str, str], directory: Path) -> list[str]:
    """Released bundles that are missing or are no longer the file that was released."""
    return [name for name, digest in released.items()
            if not (directory / name).is_file() or sha256_file(directory / name) != digest]  # fmt: skip


def test_no_released_bundle_was_touched_and_every_bundle_is_released() -> None:
    assert changed(RELEASED, BUNDLES) == []
    assert {str(path.relative_to(BUNDLES)) for path in FOUND} == set(RELEASED)


def test_a_touched_bundle_is_noticed(tmp_path: Path) -> None:
    """The control: one byte more, and a file that is gone."""
    shutil.copytree(BUNDLES / "v1", tmp_path / "v1")
    assert changed(RELEASED, tmp_path) == []
    with (tmp_path / "v1" / "numpy.repro.tar.zst").open("ab") as file:
        file.write(b"\0")
    (tmp_path / "v1" / "torch.repro.tar.zst").unlink()
    assert sorted(changed(RELEASED, tmp_path)) == ["v1/numpy.repro.tar.zst", "v1/torch.repro.tar.zst"]


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}-{path.name.partition('.')[0]}")
def test_a_released_bundle_is_read_verified_and_shown(path: Path, tmp_path: Path, reprokit: CommandLine) -> None:
    assert path.stat().st_size <= LARGEST
    with open_bundle(path) as (reader, manifest, bundle_id):
        reader.verify()
        assert manifest.schema_id == f"reprokit.manifest/{path.parent.name.removeprefix('v')}"
        assert manifest.run.config["target"] == "metric-close"
        assert {output.path.rpartition("/")[2] for output in manifest.outputs} >= {"metrics.json"}
        held = reader.read(next(one.path for one in reader.members if one.path.endswith("/train.py")))
        source = BUNDLES / "sources" / f"train_{path.name.partition('.')[0]}.py"
        assert held == source.read_bytes(), "what a bundle runs is what is to be read beside it"
        assert all("/root/" not in value for value in manifest.run.environment.values())
    verified = reprokit("verify", path, "--json", cwd=tmp_path)
    assert (verified.status, verified.json["id"]) == (0, bundle_id), verified.text
    shown = reprokit("inspect", path, cwd=tmp_path)
    assert shown.status == 0
    assert b"metrics.json" in shown.stdout


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}-{path.name.partition('.')[0]}")
def test_a_released_bundle_equals_itself_and_no_other(path: Path, tmp_path: Path, reprokit: CommandLine) -> None:
    """Comparing runs nothing, so that it needs neither the frameworks nor trust."""
    same = reprokit("compare", path, path, "--json", cwd=tmp_path)
    assert (same.status, same.json["tier"]) == (0, "bitwise"), same.text
    assert same.json["outputs"]
    other = next(one for one in FOUND if one.name != path.name)
    assert reprokit("compare", path, other, "--json", cwd=tmp_path).status != 0
