"""Names that are numbers and truth values in YAML 1.1, and names in the YAML 1.2 that DVC writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reprokit.datasets.pointers import dvc_md5, dvc_pointers
from reprokit.errors import UnverifiedError

if TYPE_CHECKING:
    from conftest import Place

yaml = pytest.importorskip("yaml", reason="needs the extra `datasets`")
NAMES = ["no", "on", "yes", "12:30", "2024-01-01", "~.txt", ".5"]


@pytest.mark.parametrize("name", NAMES)
def test_the_content_beside_a_pointer_is_found_whatever_its_name(place: Place, name: str) -> None:
    digest = dvc_md5(str(place.write(name, "x")))
    place.write(f"{name}.dvc", f"outs:\n- md5: {digest}\n  size: 1\n  hash: md5\n  path: {name}\n")
    [found] = dvc_pointers(str(place.data), f"{name}.dvc")
    assert (found.points_to, found.size, found.present, found.agrees) == (name, 1, True, True)
    place.write(name, "y")
    assert [one.code for one in place.create().findings] == ["RPK162"]


@pytest.mark.parametrize("text", ["outs:\n", "outs: x\n", "outs:\n- md5: x\n  path:\n", "outs:\n- x\n", "x: 1\n", ""])
def test_a_pointer_to_nothing_is_damaged(place: Place, text: str) -> None:
    place.write("a.dvc", text)
    with pytest.raises(UnverifiedError, match="RPK156"):
        place.create()
