"""What is said of files that are none of ours: which one it is, and never what is in it."""

from __future__ import annotations

import io
import json

import pytest

from reprokit.errors import CorruptBundleError
from reprokit.launch.opening import open_bundle, peek
from reprokit.schema.versions import load_document
from reprokit.trace.columns import Trace

CONTENT = b'{"schema": "' + b"private " * 1000 + b"\xff"


def refusal(read):
    with pytest.raises(CorruptBundleError) as caught:
        read()
    return caught.value


@pytest.mark.parametrize(
    "read",
    [
        lambda: load_document(CONTENT, "reprokit.lineage/1", "model.pt"),
        lambda: Trace(lambda _name: io.BytesIO(CONTENT)),
    ],
    ids=["document", "trace"],
)
def test_what_was_read_is_not_in_the_message(read):
    """The repr of a UnicodeDecodeError is all bytes that were to be decoded: of a model, megabytes of weights."""
    error = refusal(read)
    assert error.code == "RPK027"
    assert "private" not in error.message
    assert "invalid start byte" in error.message
    assert len(error.message) < 300


def test_a_document_without_a_schema_says_so():
    assert "KeyError: 'schema'" in refusal(lambda: load_document(b"{}", "reprokit.lineage/1", "x.json")).message
    assert refusal(lambda: load_document(json.dumps([1]).encode(), "reprokit.lineage/1", "x.json")).code == "RPK027"


@pytest.mark.parametrize("read", [peek, lambda path: open_bundle(path).__enter__()], ids=["peek", "open"])
def test_of_several_bundles_the_broken_one_is_named(tmp_path, read):
    path = tmp_path / "second.repro.tar.zst"
    path.write_bytes(b"no bundle")
    error = refusal(lambda: read(path))
    assert (error.code, error.message.partition(": ")[0]) == ("RPK020", "second.repro.tar.zst")
