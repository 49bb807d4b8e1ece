"""Laws of the frameworks' formats: packing never counts, each flipped bit does, and no bytes make a reader fail."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reprokit.compare.files import Options, compare_files
from reprokit.compare.files.pieces import Piece, put_together
from reprokit.launch.outputs import compare_outputs
from tests.unit.compare_files import framework_bytes as fb
from tests.unit.compare_files.test_files_packed import MODEL, tensor, tree, ubjson

laws = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
floats = hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=4))
tensors = st.dictionaries(st.text("ab/0~", min_size=1, max_size=5), floats, min_size=1, max_size=4)
documents = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text(max_size=5), st.binary()
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
    max_leaves=12,
)


def grouped(a, b):
    with tempfile.TemporaryDirectory() as folder:
        sides = []
        for side, files in (("a", a), ("b", b)):
            paths = {name: Path(folder, f"{side}{number}") for number, name in enumerate(files)}
            for name, path in paths.items():
                path.write_bytes(files[name])
            sides.append(paths)
        return dict(compare_outputs(*sides, Options()))


def compared(a, b, name):
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "a"), Path(folder, "b")
        first.write_bytes(a)
        second.write_bytes(b)
        return compare_files(first, second, name)


def turned(value):
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


def checkpoint(values, shards):
    return {f"c{ending}": data for ending, data in fb.bundle(values, shards).items()}


def flipped(values, draw):
    name = draw(st.sampled_from(sorted(values)))
    changed = {key: array.copy() for key, array in values.items()}
    bits = changed[name].reshape(-1).view(np.uint32)
    index = draw(st.integers(0, bits.size - 1))
    bits[index] ^= np.uint32(1 << draw(st.integers(0, 31)))
    changed[name] = bits.view(np.float32).reshape(values[name].shape)
    return changed, name, tuple(int(i) for i in np.unravel_index(index, values[name].shape))


@laws
@given(tensors, st.integers(1, 3), st.integers(1, 3))
def test_into_how_many_files_a_checkpoint_is_split_is_packing(values, one, other):
    assert grouped(checkpoint(values, one), checkpoint(values, other))["c"].equal


@laws
@given(tensors, st.integers(1, 3), st.data())
def test_one_bit_of_a_checkpoint_is_found_where_it_is(values, shards, data):
    changed, _, index = flipped(values, data.draw)
    [difference] = grouped(checkpoint(values, shards), checkpoint(changed, 1))["c"].differences
    assert difference.index == index


@laws
@given(documents)
def test_the_order_of_keys_in_messagepack_is_packing(value):
    a, b = msgpack.packb(value), msgpack.packb(turned(value))
    found = compared(a, b, "x.msgpack")
    assert found.equal
    assert not found.note


@laws
@given(documents, documents)
def test_messagepack_is_equal_exactly_when_its_content_is(a, b):
    one, other = msgpack.packb(a), msgpack.packb(b)
    same = msgpack.packb(a) == msgpack.packb(b) or canonical(a) == canonical(b)
    assert compared(one, other, "x.msgpack").equal == same


def canonical(value):
    if isinstance(value, dict):
        return "map", frozenset((key, canonical(item)) for key, item in value.items())
    if isinstance(value, list):
        return "array", tuple(map(canonical, value))
    return type(value).__name__, np.float64(value).tobytes() if isinstance(value, float) else value


@laws
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.floats(width=32)), max_size=8), st.data())
def test_of_events_the_order_within_a_tag_counts_and_that_of_tags_does_not(scalars, data):
    sides = [[one for one in scalars if one[0] == tag] for tag in "ab"]
    merged, left = [], [list(side) for side in sides]
    while any(left):
        merged.append(data.draw(st.sampled_from([side for side in left if side])).pop(0))
    found = compared(fb.events(scalars), fb.events(merged, wall_time=9.0), "events.out.tfevents.1.x")
    assert found.equal
    assert not found.note


@laws
@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 6))), st.data())
def test_pieces_of_any_cut_make_the_tensor(whole, data):
    cuts = [sorted(data.draw(st.sets(st.integers(1, n)))) for n in whole.shape]
    edges = [[0, *inner, n] for inner, n in zip(cuts, whole.shape, strict=True)]
    pieces = [
        Piece((top, left), tensor(whole[top:bottom, left:right]))
        for top, bottom in zip(edges[0], edges[0][1:], strict=False)
        for left, right in zip(edges[1], edges[1][1:], strict=False)
    ]
    pieces = data.draw(st.permutations(pieces))
    count = data.draw(st.integers(1, 40))
    made = put_together("w", whole.shape, pieces)
    blocks = list(made.blocks(count))
    assert np.concatenate(blocks).tobytes() == whole.tobytes()
    assert all(block.size == count for block in blocks[:-1])


WEIGHTS = np.arange(6, dtype=np.float32).reshape(2, 3)
SEEDS = {
    "x.msgpack": {"x.msgpack": tree(WEIGHTS)},
    "x.ubj": {"x.ubj": ubjson(WEIGHTS.ravel())},
    "events.out.tfevents.1.x": {"events.out.tfevents.1.x": fb.events([("loss", 1, 0.5), ("loss", 2, 0.25)])},
    "model.txt": {"model.txt": MODEL.format(threshold="2", leaf="1.5", path="x").encode()},
    "c.index": checkpoint({"w": WEIGHTS, "v": WEIGHTS[0]}, 2),
    "m/saved_model.pb": {"m/saved_model.pb": fb.saved_model((1.0, 2.0))},
}


@pytest.mark.slow
@settings(laws, max_examples=200)
@given(st.sampled_from(sorted(SEEDS)), st.data())
def test_damage_never_raises(name, data):
    damaged = bytearray(SEEDS[name][name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        match data.draw(st.sampled_from(["set", "cut", "insert"])):
            case "set":
                damaged[at] = data.draw(st.integers(0, 255))
            case "cut":
                del damaged[at : data.draw(st.sampled_from([at + 1, len(damaged)]))]
            case "insert":
                damaged[at:at] = data.draw(st.binary(max_size=4))
        damaged = damaged or bytearray(b"x")
    for one in grouped(SEEDS[name], {**SEEDS[name], name: bytes(damaged)}).values():
        assert isinstance(getattr(one, "equal", False), bool)
    again = {**SEEDS[name], name: bytes(damaged) + b"\0"}
    grouped({**SEEDS[name], name: bytes(damaged)}, again)
