"""The set of released schemas only grows, and a document that was written once is read for ever, with all its keys."""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import reprokit.schema
from reprokit.errors import CorruptBundleError
from reprokit.schema.base import Document

DOCUMENTS = sorted((Path(__file__).parent / "documents").glob("*.json"))
# Released schemas. A line is added with a release, and none is ever removed: what reads them is kept.
RELEASED = {
    "reprokit.manifest/1",
    "reprokit.verdict/1",
    "reprokit.record/1",
    "reprokit.error/1",
    "reprokit.pytest/1",
    "reprokit.baseline/1",
}


def documents() -> dict[str, type[Document]]:
    """Every document class of the schema package, by the schema that it writes."""
    for module in pkgutil.iter_modules(reprokit.schema.__path__):
        importlib.import_module(f"reprokit.schema.{module.name}")
    found: dict[str, type[Document]] = {}
    classes = [Document]
    while classes:
        for one in classes.pop().__subclasses__():
            classes.append(one)
            if one.__module__.startswith("reprokit.schema."):
                found[one.schema_name()] = one
    return found


def unreadable(released: set[str], known: set[str]) -> set[str]:
    """Released schemas that no class reads: none of this name, or an older major version only."""
    newest: dict[str, int] = {}
    for schema in known:
        name, _, major = schema.partition("/")
        newest[name] = max(newest.get(name, 0), int(major))
    return {one for one in released if newest.get(one.partition("/")[0], 0) < int(one.partition("/")[2])}


def lost(sample: Any, read: Any, where: str = "") -> list[str]:
    """Keys and values of a sample that did not survive being read and written again."""
    if isinstance(sample, dict):
        if not isinstance(read, dict):
            return [where]
        gone = [f"{where}.{key}" for key in sample if key not in read]
        return gone + [one for key in sample if key in read for one in lost(sample[key], read[key], f"{where}.{key}")]
    if isinstance(sample, list):
        if not isinstance(read, list) or len(read) != len(sample):
            return [where]
        return [one for i, (a, b) in enumerate(zip(sample, read, strict=True)) for one in lost(a, b, f"{where}[{i}]")]
    return [] if sample == read else [where]


def test_every_released_schema_is_still_read() -> None:
    assert unreadable(RELEASED, set(documents())) == set()


def test_a_schema_that_was_dropped_is_noticed() -> None:
    """The control."""
    assert unreadable({"reprokit.gone/1", "reprokit.verdict/2"}, set(documents())) == {
        "reprokit.gone/1", "reprokit.verdict/2"
    }  # fmt: skip
    assert unreadable({"reprokit.verdict/1"}, {"reprokit.verdict/2"}) == set(), "a newer one must read the older one"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_released_document_is_read_with_all_its_keys(path: Path) -> None:
    sample = json.loads(path.read_text())
    name = sample["schema"].partition("/")[0]
    read = next(one for schema, one in documents().items() if schema.partition("/")[0] == name)
    document = read.parse(path.read_bytes(), path.name)
    assert lost(sample, document.to_json()) == []


def test_a_lost_key_and_a_newer_document_are_noticed() -> None:
    """The controls."""
    sample = json.loads(DOCUMENTS[0].read_text())
    assert lost({**sample, "of_a_later_time": 1}, sample) == [".of_a_later_time"]
    assert lost({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}) == [".a[1].b"]
    name = sample["schema"].partition("/")[0]
    read = next(one for schema, one in documents().items() if schema.partition("/")[0] == name)
    with pytest.raises(CorruptBundleError) as raised:
        read.parse(json.dumps({**sample, "schema": f"{name}/99"}).encode(), "it")
    assert raised.value.code == "RPK025"


def test_every_kind_of_file_that_is_kept_has_a_sample() -> None:
    """Bundles keep manifests (see `bundles/`); verdicts and session reports are kept by CI systems."""
    assert {json.loads(path.read_text())["schema"] for path in DOCUMENTS} >= {"reprokit.verdict/1", "reprokit.pytest/1"}
