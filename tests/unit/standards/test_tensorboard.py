"""TensorBoard: event files that its own writers, and PyTorch's, wrote."""

from __future__ import annotations

import hashlib
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprokit.errors import CorruptBundleError, UsageError
from reprokit.lineage.standards import tensorboard as ours
from reprokit.lineage.standards.records import _masked, parsed


@pytest.fixture
def written(tmp_path):
    """What PyTorch's writer leaves: scalars, hyperparameters, a histogram."""
    pytest.importorskip("tensorboard", reason="needs the extra `systems`")
    torch_writer = pytest.importorskip("torch.utils.tensorboard", reason="needs the extra `torch`")
    with torch_writer.SummaryWriter(str(tmp_path / "run-1")) as writer:
        for step in range(5):
            writer.add_scalar("loss/train", 1 / (step + 1), step)
        writer.add_scalar("loss/train", 99.0, 2)  # an earlier step, written later
        writer.add_histogram("weights", __import__("numpy").arange(10), 0)
        writer.add_hparams({"lr": 0.25, "name": "adam", "nesterov": True}, {"hparam/best": 0.5}, run_name=".")
    return tmp_path


@pytest.mark.torch
def test_scalars_and_hyperparameters_of_a_real_run(written):
    found = ours.read(str(written))
    (run,) = found.executions
    assert run.name == "run-1"
    assert run.properties["metric.loss/train"] == pytest.approx(0.2)
    assert run.properties["metric.hparam/best"] == 0.5
    named = {name: run.properties[f"parameter.{name}"] for name in ("lr", "name", "nesterov")}
    assert named == {"lr": 0.25, "name": "adam", "nesterov": True}
    assert run.ended >= run.started > 1_600_000_000_000
    files = {f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in (written / "run-1").iterdir()}
    assert {node.id for node in found.artifacts} == files
    assert ours.read(str(written)) == found


def test_scalars_as_tensors(tmp_path):
    pytest.importorskip("tensorboard", reason="needs the extra `systems`")
    pytest.importorskip("tensorflow", reason="needs the extra `tensorflow`")
    from tensorboard.compat.proto import event_pb2
    from tensorboard.plugins.scalar.summary import pb
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(tmp_path))
    for step, summary in ((3, scalar_pb("new", 1.5)), (2**40, pb("old", -2.25))):
        event = event_pb2.Event(step=step, wall_time=5.0)
        event.summary.MergeFromString(summary.SerializeToString())  # which of two equal classes it is depends
        writer.add_event(event)
    writer.close()
    (run,) = ours.read(str(tmp_path)).executions
    assert run.properties["metric.new"] == 1.5
    assert run.properties["metric.old/scalar_summary"] == -2.25


def frame(body: bytes) -> bytes:
    head = struct.pack("<Q", len(body))
    return head + struct.pack("<I", _masked(head)) + body + struct.pack("<I", _masked(body))


def test_the_checksum_is_the_one_that_is_published():
    crc = 0xE3069283  # of "123456789": RFC 3720, appendix B.4, and every table of CRC-32C
    assert _masked(b"123456789") == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"no event file at all, but long enough", "RPK181"),
        (frame(b"\xff\xff\xff"), "RPK181"),
        (frame(b"\x2a\x7f"), "RPK181"),
        (frame(b"\x2a\x02\x0a\x7f"), "RPK181"),
        (frame(b"")[:-1] + b"\x00", "RPK181"),
        (struct.pack("<Q", 2**62) + struct.pack("<I", _masked(struct.pack("<Q", 2**62))), "RPK183"),
    ],
)
def test_broken_and_hostile_files(content, code, tmp_path):
    (tmp_path / "events.out.tfevents.1").write_bytes(content)
    with pytest.raises(CorruptBundleError) as caught:
        ours.read(str(tmp_path))
    assert caught.value.code == code


@pytest.mark.torch
def test_a_cut_file_says_so_and_a_changed_one_is_refused(written):
    path = max((written / "run-1").iterdir(), key=lambda one: one.stat().st_size)
    content = path.read_bytes()
    for length in range(len(content) - 30, len(content)):
        path.write_bytes(content[:length])
        (run,) = ours.read(str(path)).executions
        assert run.properties.get("truncated") is True or content[:length].endswith(content[-30:])
    changed = bytearray(content)
    changed[100] ^= 1
    path.write_bytes(changed)
    with pytest.raises(CorruptBundleError):
        ours.read(str(path))


def test_nothing_there(tmp_path):
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(UsageError) as caught:
            ours.read(str(place))
        assert caught.value.code == "RPK184"


@settings(max_examples=300)
@given(st.binary(max_size=64))
def test_any_bytes_are_a_message_or_an_error(data):
    try:
        found = parsed(data)
    except ValueError:
        return
    assert all(number > 0 for number in found)
    json.dumps({str(number): len(values) for number, values in found.items()})
