"""Writers of small files in the frameworks' formats, byte by byte, so that tests need no framework to write them."""

from __future__ import annotations

import struct

from reprokit.compare.files.tfrecord import masked_crc


def varint(value):
    value &= (1 << 64) - 1
    found = b""
    while value >= 0x80:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def field(number, value):
    """A field of a protocol buffer: an int, a float (32 bits), a text, bytes, or a list of fields."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else b"".join(value) if isinstance(value, list) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def shape(*lengths):
    return [field(2, [field(1, length)]) for length in lengths]


def record(data):
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


def events(scalars, wall_time=1.0):
    """An event file of ``(tag, step, value)``."""
    time = varint(1 << 3 | 1) + struct.pack("<d", wall_time)
    found = record(time + field(3, "brain.Event:2"))
    for tag, step, value in scalars:
        found += record(time + field(2, step) + field(5, [field(1, [field(1, tag), field(2, value)])]))
    return found


def block(rows):
    data, last = bytearray(), b""
    for key, value in rows:
        shared = next((i for i, (x, y) in enumerate(zip(key, last, strict=False)) if x != y), min(len(key), len(last)))
        data += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    return bytes(data) + struct.pack("<II", 0, 1) + b"\0" + b"\0" * 4


def table(rows):
    """A sorted table of one block."""
    body = block(rows)
    index = block([(b"\xff", varint(0) + varint(len(body) - 5))])
    meta = block([])
    footer = varint(len(body)) + varint(len(meta) - 5) + varint(len(body) + len(meta)) + varint(len(index) - 5)
    return body + meta + index + footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def bundle(tensors, shards=1):
    """The files of a TensorFlow checkpoint: name -> float32 array, each in the next of its data files."""
    parts = [b""] * shards
    rows = [(b"", field(1, shards))]
    for number, (name, array) in enumerate(sorted(tensors.items())):
        shard = number % shards
        entry = [field(1, 1), field(2, shape(*array.shape)), field(3, shard), field(4, len(parts[shard]))]
        rows.append((name.encode(), b"".join([*entry, field(5, array.nbytes)])))
        parts[shard] += array.tobytes()
    names = {f".data-{i:05d}-of-{shards:05d}": part for i, part in enumerate(parts)}
    return {".index": table(rows), **names}


def saved_model(constant, uid=7, first="a", debug=b"x", op="Relu"):
    """A SavedModel's graph: one function with two nodes, whose name ends in a number that does not count."""
    tensor = field(8, [field(1, 1), field(2, shape(2)), field(4, struct.pack("<2f", *constant))])
    nodes = {
        "a": [field(1, "a"), field(2, "Const"), field(5, [field(1, "value"), field(2, [tensor])])],
        "b": [field(1, "b"), field(2, op), field(3, "a"), field(6, debug)],
    }
    order = [first, *sorted(set(nodes) - {first})]
    function = [field(1, [field(1, f"__inference_call_{uid}")]), *(field(3, nodes[name]) for name in order)]
    caller = [field(1, "call"), field(2, "PartitionedCall")]
    caller += [field(5, [field(1, "f"), field(2, [field(10, [field(1, f"__inference_call_{uid}")])])])]
    graph = [field(1, caller), field(2, [field(1, function)])]
    return field(1, 1) + field(2, [field(1, [field(5, "2.21.0")]), field(2, graph)])
