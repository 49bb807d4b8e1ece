"""Images are compared by their pixels."""

from __future__ import annotations

import numpy as np
import pytest

from reprokit.compare.files import compare_files, read_content

image = pytest.importorskip("PIL.Image")
png = pytest.importorskip("PIL.PngImagePlugin")


def picture(change=0):
    pixels = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    pixels[2, 3, 1] += change
    return image.fromarray(pixels)


def test_compression_and_comments_are_not_content(tmp_path):
    info = png.PngInfo()
    info.add_text("Software", "something of today")
    picture().save(tmp_path / "a.png", compress_level=1)
    picture().save(tmp_path / "b.png", compress_level=9, pnginfo=info)
    result = compare_files(tmp_path / "a.png", tmp_path / "b.png", "x.png")
    assert result.equal
    assert result.method == "image: 1 tensor, 1 value"


def test_one_pixel(tmp_path):
    picture().save(tmp_path / "a.png")
    picture(change=3).save(tmp_path / "b.png")
    [found] = compare_files(tmp_path / "a.png", tmp_path / "b.png", "x.png").differences
    assert (found.where, found.index, found.max_abs, found.share) == ("pixels", (2, 3, 1), 3.0, 1 / 60)


def test_size_and_mode_are_the_schema(tmp_path):
    picture().save(tmp_path / "a.png")
    picture().resize((3, 3)).save(tmp_path / "b.png")
    picture().convert("L").save(tmp_path / "c.png")
    for other in ("b.png", "c.png"):
        assert not compare_files(tmp_path / "a.png", tmp_path / other, "x.png").same_schema


def test_palettes_are_resolved(tmp_path):
    one = image.fromarray(np.array([[0, 1]], np.uint8), mode="L").convert("P")
    one.putpalette([10, 20, 30, 40, 50, 60])
    other = image.fromarray(np.array([[1, 0]], np.uint8), mode="L").convert("P")
    other.putpalette([40, 50, 60, 10, 20, 30])
    one.save(tmp_path / "a.png")
    other.save(tmp_path / "b.png")
    assert compare_files(tmp_path / "a.png", tmp_path / "b.png", "x.png").equal


def test_frames(tmp_path):
    frames = [image.fromarray(np.full((2, 2), value, np.uint8)) for value in (0, 100, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    leaves = read_content(tmp_path / "a.gif", "a.gif").leaves
    assert [name for name in leaves if "/" not in name] == ["frame 0", "frame 1", "frame 2"]


def test_bombs_and_damage_are_compared_by_bytes(tmp_path):
    image.new("1", (8000, 8000)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes() + b"x")
    assert "8000 by 8000 pixels" in compare_files(tmp_path / "a.png", tmp_path / "b.png", "x.png").note


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif"])
@pytest.mark.parametrize("missing", [1, 12, 40])
def test_truncated_images_are_never_equal(tmp_path, suffix, missing):
    picture().save(tmp_path / f"a.{suffix}")
    (tmp_path / f"b.{suffix}").write_bytes((tmp_path / f"a.{suffix}").read_bytes()[:-missing])
    assert not compare_files(tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}", f"x.{suffix}").equal
