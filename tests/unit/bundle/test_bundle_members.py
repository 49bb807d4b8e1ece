import json

import pytest

from reprokit.bundle import Limits, Member
from reprokit.bundle.members import parse_members
from reprokit.errors import CorruptBundleError

ROW = {"path": "a", "sha256": "sha256:" + "0" * 64, "size": 1, "executable": False}


def code_of(manifest, limits=None):
    with pytest.raises(CorruptBundleError) as caught:
        parse_members(manifest, limits or Limits())
    return caught.value.code


def rows(*changes):
    return json.dumps({"members": [{**ROW, **change} for change in changes]}).encode()


def test_members_survive_json():
    members = (Member("a\\b", ROW["sha256"], 0), Member("x/\udcff", ROW["sha256"], 2**33, executable=True))
    assert parse_members(json.dumps({"members": [m.to_json() for m in members]}).encode()) == members


def test_other_keys_are_left_to_the_schema():
    assert len(parse_members(json.dumps({"schema": "x", "members": [{**ROW, "role": "code"}]}).encode())) == 1


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"members":{}}',
        b'{"members":[1]}',
        b'{"members":[],"members":[]}',
        b'{"members":[],"x":NaN}',
        b'{"members":[]}x',
        b"\xef\xbb\xbf{}",
        b'{"members":"\xff"}',
        '{"members":[]}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"members":[],"n":' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_no_manifest(manifest):
    assert code_of(manifest) == "RPK027"


@pytest.mark.parametrize(
    "change",
    [
        {"path": 1},
        {"path": None},
        {"size": -1},
        {"size": True},
        {"size": 1.0},
        {"size": "1"},
        {"sha256": "0" * 64},
        {"sha256": "sha256:" + "0" * 63},
        {"sha256": "sha256:" + "A" * 64},
        {"sha256": "sha256:" + "0" * 64 + "\n"},
        {"executable": 1},
        {"executable": None},
    ],
)
def test_invalid_members(change):
    assert code_of(rows(change)) == "RPK027"


@pytest.mark.parametrize("path", ["../a", "/a", "", "a\\b", "\udcff", "C:a", "manifest.json", "\\x2e\\x2e/x"])
def test_unsafe_names(path):
    assert code_of(rows({"path": path})) == "RPK023"


@pytest.mark.parametrize("paths", [("a", "a"), ("b", "a"), ("a", "a/b"), ("é", "z")])
def test_order_and_collisions(paths):
    assert code_of(rows(*({"path": path} for path in paths))) == "RPK023"


@pytest.mark.parametrize(
    ("limits", "change"),
    [
        (Limits(max_members=0), {}),
        (Limits(max_name_bytes=3), {"path": "éé"}),
        (Limits(max_depth=1), {"path": "a/b"}),
        (Limits(max_total_bytes=10), {"size": 11}),
    ],
)
def test_limits(limits, change):
    assert code_of(rows(change), limits) == "RPK024"
