"""`reprokit.open`: documents, traces and tensors, lazily; what comes from a stranger is escaped and never run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

import reprokit
from reprokit.errors import CorruptBundleError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


class Trap:
    """Unpickling it writes a file."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, ("sprung", "w")


@pytest.fixture(autouse=True)
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("1 2")
    params = {"<b>name</b>": "<script>alert(1)</script>"}
    with reprokit.run(name="trial", params=params, output="run.repro.tar.zst") as run:
        assert run.input("data.csv").read_text() == "1 2"
        torch.save({"weight": torch.arange(6.0).reshape(2, 3), "trap": Trap()}, "model.pt")
        np.savez("arrays.npz", a=np.arange(3), b=np.float32(0.5))
        (tmp_path / "<img src=x onerror=alert(1)>.txt").write_text("x")
        for loss in (0.5, 0.25):
            run.step(loss=loss, weight=np.array([loss]))
        run.metric("accuracy", float("nan"))
    return tmp_path / "run.repro.tar.zst"


def test_documents(bundle: Path) -> None:
    with reprokit.open(bundle) as opened:
        assert opened.id.startswith("sha256:")
        assert opened.metrics["accuracy"] == "NaN"
        assert opened.inputs["data.csv"].size == 3
        assert {"model.pt", "arrays.npz"} <= set(opened.outputs)
        assert opened.read("data.csv") == b"1 2"
        assert opened.read(opened.outputs["model.pt"].path) == (bundle.parent / "model.pt").read_bytes()
        assert opened.steps["loss"].tolist() == [0.5, 0.25]
        trace = opened.trace()
        assert trace.parts["parameters"].columns[0].name == "weight"
        rows = trace.parts["parameters"].read(0, 2)
        assert rows.shape[2] == 16
        assert (rows[0] != rows[1]).any()
        assert str(opened.manifest.run.exit_status) == "0"
        assert repr(opened).startswith("<reprokit.Bundle 'trial': ")


def test_tensors_are_read_one_by_one_and_nothing_is_unpickled(bundle: Path) -> None:
    with reprokit.open(bundle) as opened:
        tensors = opened.tensors("model.pt")
        assert [name for name in tensors if name.endswith("weight")] == ["weight"]
        assert tensors["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert "float32[2, 3]" in repr(tensors)
        arrays = opened.tensors("arrays.npz")
        assert {name: array.tolist() for name, array in arrays.items()} == {"a": [0, 1, 2], "b": 0.5}
        with pytest.raises(KeyError):
            arrays["c"]
    assert not (bundle.parent / "sprung").exists()


def test_html_escapes_everything(bundle: Path) -> None:
    html = reprokit.open(bundle)._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_what_is_missing_is_named(bundle: Path) -> None:
    opened = reprokit.open(bundle)
    with pytest.raises(UsageError, match=r"RPK003.*missing\.txt"):
        opened.read("missing.txt")
    with pytest.raises(UsageError, match=r"RPK003.*nobody"):
        opened.trace("nobody")
    opened.close()
    opened.close()
    assert opened.metrics
    for call in (lambda: opened.read("data.csv"), opened.trace, lambda: opened.tensors("model.pt")):
        with pytest.raises(UsageError, match="closed"):
            call()
    with pytest.raises(UsageError, match="RPK003"):
        reprokit.open("missing.repro.tar.zst")


def test_a_damaged_bundle_is_refused(bundle: Path) -> None:
    data = bytearray(bundle.read_bytes())
    bundle.write_bytes(data[: len(data) // 2])
    with pytest.raises(CorruptBundleError):
        reprokit.open(bundle)


def test_without_a_trace_there_are_no_steps(tmp_path: Path) -> None:
    with reprokit.run(trace="off", output="off.repro.tar.zst") as run:
        assert [run.step(loss=1), run.step(loss=2)] == [1, 2]
    with reprokit.open("off.repro.tar.zst") as opened:
        assert len(opened.steps) == 0
        assert opened.steps.dtype.names == ("step", "flags", "loss", "rate")
        with pytest.raises(UsageError, match="no trace"):
            opened.trace()


def test_only_the_manifest_is_read_at_first(tmp_path: Path) -> None:
    with reprokit.run(output="large.repro.tar.zst"):
        (tmp_path / "large.bin").write_bytes(np.random.default_rng(0).bytes(8 << 20))
    with reprokit.open("large.repro.tar.zst") as opened:
        assert opened.outputs["large.bin"].size == 8 << 20
        assert opened._reader.bytes_read < 1 << 20
