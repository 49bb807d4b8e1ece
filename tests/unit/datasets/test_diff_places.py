"""What differs between two manifests is named where it stands, in lists whose items have no names too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.datasets.comparing import field_changes

if TYPE_CHECKING:
    from conftest import Place


def test_the_version_of_a_list_and_the_type_of_a_column_are_named(place: Place) -> None:
    place.write("../out.txt", "ann\n")
    place.write("a.jsonl", '{"user": "bob", "n": 1}\n')

    def made(version: str, **more: Any) -> Any:
        return place.create(**{"opt-out": [{"list": "out.txt", "key": "user", "version": version}]}, **more).manifest

    first = made("7")
    [change] = field_changes(first, made("8"))
    assert (change.field, change.first, change.second) == ("filters.opt_out[0].version", "7", "8")
    place.write("a.jsonl", '{"user": "bob", "n": "1"}\n')
    named = {one.field: (one.first, one.second) for one in field_changes(first, made("7"))}
    assert named["schema_fingerprint.tables[0].columns[n].type"] == ("int64", "string")
