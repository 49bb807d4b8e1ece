"""The entry: which comparator is chosen, what stands in the result, and that importing it is cheap."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from importlib import metadata

import numpy as np
import pytest

from reprokit.compare.files import Comparator, Scalar, UnreadableError, compare_files, read_content, registry
from reprokit.errors import UsageError


def test_content_wins_over_the_name(tmp_path):
    np.savez(tmp_path / "a", x=np.arange(3))
    (tmp_path / "b").write_bytes(pickle.dumps([1]))
    assert read_content(tmp_path / "a.npz", "model.pt").kind == "npz"
    assert read_content(tmp_path / "b", "model.safetensors").kind == "pickle"


def test_two_formats_differ(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    (tmp_path / "b.pkl").write_bytes(pickle.dumps(np.arange(3)))
    result = compare_files(tmp_path / "a.npy", tmp_path / "b.pkl", "x.bin")
    assert result.differences[0].where == "(format)"
    assert not result.same_schema


def test_identical_bytes_name_their_kind(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    result = compare_files(tmp_path / "a.npy", tmp_path / "a.npy", "x.npy")
    assert result.equal
    assert result.method == "npy"
    assert result.differences == ()


def test_missing_and_special_files(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    for other in ("missing", "pipe", "."):
        with pytest.raises(UsageError, match="RPK003"):
            compare_files(tmp_path / "a", tmp_path / other, "a")


def test_reading_something_else_than_the_name_says(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(UnreadableError, match="RPK051") as caught:
        read_content(tmp_path / "a.safetensors", "a.safetensors")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_bytes_are_the_last_resort(tmp_path):
    (tmp_path / "a").write_bytes(b"\0\1\2\3")
    (tmp_path / "b").write_bytes(b"\0\1\7\3")
    [found] = compare_files(tmp_path / "a", tmp_path / "b", "x.dat").differences
    assert (found.where, found.index, found.a, found.b, found.share) == ("bytes", (2,), "2", "7", 0.25)


class Entry:
    """What importlib.metadata gives for an installed entry point, without installing a package."""

    name = "mine"

    def __init__(self, loaded):
        self.loaded = loaded

    def load(self):
        return self.loaded


@pytest.fixture
def installed(monkeypatch):
    def install(loaded):
        monkeypatch.setattr(metadata, "entry_points", lambda group: [Entry(loaded)])
        registry.comparators.cache_clear()

    yield install
    registry.comparators.cache_clear()


def test_comparators_of_other_packages_come_first(tmp_path, installed):
    def read(source, options):
        return {"length": Scalar("int", str(source.size))}

    installed(Comparator("mine", (".json",), read))
    (tmp_path / "a").write_text("[1]")
    (tmp_path / "b").write_text("[2]")
    result = compare_files(tmp_path / "a", tmp_path / "b", "x.json")
    assert result.equal
    assert result.method == "mine: 1 value"


def test_a_broken_entry_point_is_named(installed):
    installed("not a comparator")
    with pytest.raises(UsageError, match="'mine'"):
        registry.comparators()


def test_kinds_are_distinct_enough_to_be_named():
    kinds = [comparator.kind for comparator in registry.comparators()]
    assert len(set(kinds)) == len(kinds) - 1  # torch.save has two formats
    assert replace(registry.named("json"), kind="x").fallback in kinds


def test_importing_is_cheap():
    code = (
        "import json, sys, reprokit.compare.files; from reprokit.compare.files.registry import comparators;"
        "comparators(); print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "sklearn", "pandas", "PIL", "h5py", "safetensors", "joblib", "pydantic", "zstandard", "rich"}
    assert not heavy & set(json.loads(done.stdout))
