"""Weights & Biases: offline runs that the real library wrote."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from reprokit.errors import CorruptBundleError, UsageError
from reprokit.lineage.graph import Graph
from reprokit.lineage.standards import wandb as ours

SCRIPT = """
import sys, wandb
run = wandb.init(project="text", name="first", config={"lr": 0.1, "model": {"layers": [1, 2], "wide": True}},
                 notes="a note", tags=["a", "b"])
for step in range(2000):
    run.log({"loss": 1 / (step + 1), "acc/train": step, "nested": {"deep": 2.5}, "word": "x" * 40})
run.config.update({"late": "yes"})
run.summary["best"] = 0.25
open("data.txt", "w").write("some text")
data = wandb.Artifact("corpus", "dataset")
data.add_file("data.txt")
run.log_artifact(data)
if len(sys.argv) > 1:
    import os; run._backend and None; os._exit(3)
run.finish()
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    pytest.importorskip("wandb", reason="needs the extra `wandb`")
    room = tmp_path_factory.mktemp("wandb")
    (room / "train.py").write_text(SCRIPT)
    environment = {**os.environ, "WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": str(room),
                   "WANDB_DATA_DIR": str(room / "data"), "WANDB_CACHE_DIR": str(room / "cache")}  # fmt: skip
    done = subprocess.run([sys.executable, "train.py"], cwd=room, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return room


def test_configuration_metrics_and_artifacts_of_a_real_run(made):
    graph = Graph(ours.read(str(made / "wandb")))
    (run,) = graph.executions.values()
    said = run.properties
    assert run.name == "first"
    assert run.state == "COMPLETE"
    assert run.ended > run.started > 1_600_000_000_000
    assert (said["parameter.lr"], said["parameter.model.layers"], said["parameter.model.wide"]) == (0.1, "[1, 2]", True)
    assert said["parameter.late"] == "yes"
    assert said["metric.loss"] == pytest.approx(1 / 2000)
    assert (said["metric.acc/train"], said["metric.nested.deep"], said["metric.best"]) == (1999, 2.5, 0.25)
    assert "metric.word" not in said
    assert said["tags"] == "a,b"
    content = f"sha256:{hashlib.sha256(b'some text').hexdigest()}"
    assert graph.makers[content] == [run.id], "its artifact's file is known by content"
    assert [node.name for node in graph.contexts.values()] == ["text"]
    assert ours.read(str(made / "wandb")).executions == [run]


def test_a_run_that_took_less_than_a_second_ends_when_it_logged_last():
    """A summary has whole seconds, so such a run took none by it."""
    run = ours._Run.__new__(ours._Run)
    run._numbers = {"_runtime": 0, "_timestamp": 1_700_000_000.75}
    assert run._ended(1_700_000_000_000) == 1_700_000_000_750
    run._numbers = {"_runtime": 12.5}
    assert run._ended(1_700_000_000_000) == 1_700_000_012_500
    run._numbers = {"_runtime": "NaN", "_timestamp": 1e300}
    assert run._ended(1_700_000_000_000) == 0


def test_a_cut_file_is_a_run_that_goes_on_and_a_changed_one_is_refused(made, tmp_path):
    (whole,) = (made / "wandb").glob("offline-run-*/*.wandb")
    content = whole.read_bytes()
    assert len(content) > 3 * 32768, "more than one block"
    path = tmp_path / "run-x.wandb"
    for length in (len(content) - 3, 32768, 32769, 40_000, 65_536 + 3, len(content) // 2):
        path.write_bytes(content[:length])
        (run,) = ours.read(str(path)).executions
        assert run.state == "RUNNING"
        assert run.properties["parameter.lr"] == 0.1
    for place in (0, 10, 20_000, 32768 + 50, len(content) - 10):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(CorruptBundleError) as caught:
            ours.read(str(path))
        assert caught.value.code == "RPK181"


def record(body: bytes) -> bytes:
    check = zlib.crc32(b"\x01" + body)
    return b":W&B\xe1\xbe\x00" + struct.pack("<IHB", check, len(body), 1) + body


def field(number: int, body: bytes) -> bytes:
    key = number << 3 | 2
    head = bytes([key]) if key < 128 else bytes([key & 0x7F | 0x80, key >> 7])
    length = len(body)
    size = bytes([length]) if length < 128 else bytes([length & 0x7F | 0x80, length >> 7])
    return head + size + body


def test_broken_and_hostile_files(tmp_path):
    path = tmp_path / "run-x.wandb"
    for content in (b"", b"not it", record(b"\xff\xff"), record(field(17, b"\xff"))):
        path.write_bytes(content)
        with pytest.raises(CorruptBundleError) as caught:
            ours.read(str(path))
        assert caught.value.code == "RPK181"
    many = field(1, b"".join(field(2, b"k") for _ in range(500)) + b"\x82\x01\x011")
    path.write_bytes(record(field(2, many)))
    (run,) = ours.read(str(path)).executions
    assert run.properties[f"metric.{'.'.join('k' * 51)}"] == 1
    with pytest.raises(UsageError) as caught:
        ours.read(str(tmp_path / "none"))
    assert caught.value.code == "RPK184"


def test_huge_numbers_and_paths_of_others(tmp_path):
    path = tmp_path / "run-x.wandb"
    item = field(1, b"n") + b"\x82\x01" + bytes([40]) + b"9" * 40
    entry = field(1, b"passwd") + field(2, b"AAAAAAAAAAAAAAAAAAAAAA==") + b"\x20\x05" + field(6, b"/etc/passwd")
    artifact = field(4, b"model") + field(5, b"m") + field(6, b"aa") + field(12, field(4, entry))
    path.write_bytes(record(field(2, field(1, item)) + field(8, artifact)))
    found = ours.read(str(path))
    assert found.executions[0].properties["metric.n"] == "9" * 40
    assert "md5-base64:AAAAAAAAAAAAAAAAAAAAAA==" in {node.id for node in found.artifacts}
    assert Path("/etc/passwd").exists()
