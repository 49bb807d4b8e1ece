"""W&B's run files: what was logged counts, when and as which run does not."""

from __future__ import annotations

import json
import struct
import uuid

import pytest

from reprokit.compare.files import compare_files

BLOCK = 32768


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number, value):
    """A field of a message: a number, or a text, bytes or message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def items(number, **values):
    return field(
        number, b"".join(field(1, field(1, key) + field(16, json.dumps(value))) for key, value in values.items())
    )


def framed(messages):
    """Records in the frames of LevelDB's log, whose checksums are not looked at."""
    out = bytearray(b":W&B" + b"\xe1\xbe\x00")
    for message in messages:
        first, rest = True, message
        while first or rest:
            room = BLOCK - len(out) % BLOCK
            if room < 7:
                out += bytes(room)
                continue
            part, rest = rest[: room - 7], rest[room - 7 :]
            form = (1 if first else 4) if not rest else (2 if first else 3)
            out += struct.pack("<IHB", 0, len(part), form) + part
            first = False
    return bytes(out)


def run(path, *more, losses=(1.0, 0.5), lr=0.1, noise=0, last=0.5):
    own = uuid.uuid4().hex[:8]
    messages = [
        field(17, field(1, own) + field(3, "x") + items(4, lr=lr, _wandb={"t": noise}) + field(10, "nightly")),
        *(items(2, loss=loss, _step=step, _runtime=noise, _timestamp=noise) for step, loss in enumerate(losses)),
        field(7, field(1, noise)),
        field(8, field(4, "model") + field(5, f"run-{own}-net") + field(6, "d" * 32)),
        items(3, loss=last, _runtime=noise),
        *more,
        field(18, field(1, 0) + field(2, noise)),
    ]
    path.write_bytes(framed(field(1, at) + message for at, message in enumerate(messages)))
    return path


def compared(tmp_path, more_a=(), more_b=(), **changes):
    a, b = run(tmp_path / "a", *more_a), run(tmp_path / "b", *more_b, noise=9, **changes)
    return compare_files(a, b, "wandb/run-1/run-abc.wandb")


@pytest.mark.parametrize("more", [(), [items(2, text="y" * 40_000)], [items(2, k=at) for at in range(2000)]])
def test_times_and_identifiers_are_not_content(tmp_path, more):
    result = compared(tmp_path, more, more)
    assert (result.equal, result.method.split(":")[0]) == (True, "W&B run"), result


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"lr": 0.10000000000000002}, "config/lr"),
        ({"losses": (1.0, 0.5000000000000001)}, "loss"),
        ({"losses": (1.0,)}, ""),
        ({"last": 0.25}, "summary/loss"),
        ({"more_b": [field(8, field(4, "model") + field(5, "b") + field(6, "e" * 32))]}, "artifacts"),
        ({"more_a": [field(8, field(5, "b") + field(8, '{"k": 1}'))],
          "more_b": [field(8, field(5, "b") + field(8, '{"k": 2}'))]}, "artifacts"),
        ({"more_b": [field(10, field(1, "an alert"))]}, "others"),
        ({"more_b": [field(99, "of a later version")]}, "others"),
        ({"more_a": [field(2, field(1, field(1, "k") + field(5, 1)))],
          "more_b": [field(2, field(1, field(1, "k") + field(5, 2)))]}, "k"),
    ],
)  # fmt: skip
def test_what_was_logged_is(tmp_path, changes, where):
    result = compared(tmp_path, **changes)
    assert not result.equal
    assert any(where in difference.where for difference in result.differences), result.differences


@pytest.mark.parametrize("at", [4, 6, 11, 13, 40, 120])
def test_a_damaged_one_is_never_equal(tmp_path, at):
    a, b = run(tmp_path / "a"), run(tmp_path / "b")
    data = b.read_bytes()
    for damaged in (data[:at], data[:at] + b"\xff" + data[at + 1 :], data[:-1], data + b"\1"):
        b.write_bytes(damaged)
        assert damaged == data or not compare_files(a, b, "x.wandb").equal
