"""Values in memory as named leaves: what is understood, how leaves are named, what is refused."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import random
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from reprokit.compare.files import compare_files
from reprokit.compare.values import described, difference, differences, digests, flatten, held
from reprokit.errors import ReprokitError


class Point(NamedTuple):
    x: int
    y: list


@dataclasses.dataclass
class Config:
    rate: float
    sizes: list


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1


class Text(str):
    __slots__ = ()

    def __str__(self):
        return "another text"


VALUES = {
    "none": None, "bool": True, "int": 3, "big": 1 << 5000, "float": 0.1, "nan": float("nan"), "complex": 1j,
    "str": "a", "surrogate": "\udc80", "bytes": b"\x00x", "bytearray": bytearray(b"x"), "enum": Color.RED,
    "int enum": Level.LOW, "text": Text("x"), "date": dt.date(2026, 1, 2), "path": Path(__file__),
    "directory": Path(__file__).parent, "range": range(3), "slice": slice(1, None), "dict": {"a": [1, {2.0: "z"}]},
    "keys": {1: 1, "1": 2, False: 3, None: 4, 1.5: 5, b"1": 6, (1, "a"): 7, Color.RED: 8, "<x>": 9, "a/b": 10},
    "tuple": (1, 2), "namedtuple": Point(1, [2]), "dataclass": Config(0.1, [1]), "set": {"b", 1, None, (1, 2)},
    "frozenset": frozenset("abcdefgh"), "deque": collections.deque([1]), "empty": [{}, [], (), set()],
    "numbers": [0.5] * 9, "bools": [True] * 9, "large": [1 << 70] * 9, "random": random.Random(1),
    "array": np.arange(6.0).reshape(2, 3), "transposed": np.arange(6.0).reshape(2, 3).T, "scalar": np.float32(1),
    "zero-d": np.array(3), "zero-size": np.empty((0, 3)), "texts": np.array(["a", "bb"]),
    "objects": np.array([1, "x", None], object), "record": np.array([(1, 2.0)], "i4,f8"), "long": np.longdouble(1) / 3,
    "masked": np.ma.array([1, 2], mask=[0, 1]), "when": np.datetime64("2026-01-01"), "dtype": np.dtype("f4"),
    "generator": np.random.default_rng(0), "state": np.random.RandomState(0), "bits": np.random.PCG64(1),
    "big-endian": np.arange(3, dtype=">i4"), "half": np.float16(0.5), "words": np.array(["a"], np.dtypes.StringDType()),
}  # fmt: skip


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_a_value_has_leaves_that_stay_the_same(value):
    leaves = flatten(value, "v")
    assert next(iter(leaves)) == "v"
    once = digests(leaves)
    assert once == digests(flatten(value, "v"))
    assert once == digests(held(leaves))
    assert difference(leaves, held(leaves)) is None
    for leaf in leaves.values():
        described(leaf)


def test_no_two_of_these_values_look_alike():
    distinct = [list(digests(flatten(value)).items()) for name, value in VALUES.items() if name != "transposed"]
    distinct += [
        list(digests(flatten(value)).items()) for value in (1, 1.0, np.int64(1), "1", b"1", [1], (1,), {1}, {0: 1})
    ]
    assert len({str(found) for found in distinct}) == len(distinct)


def test_names_of_leaves_are_those_of_files():
    assert list(flatten({"a": [1, {"b/c": 2}], 3: 4}, "v")) == ["v", "v/a", "v/a/0", "v/a/1", "v/a/1/b~1c", "v/3"]
    assert list(flatten(Point(1, 2))) == ["", "x", "y"]
    assert list(flatten(Config(0.1, [1]))) == ["", "rate", "sizes", "sizes/0"]


def test_the_order_of_keys_and_the_layout_are_no_content():
    array = np.arange(6.0).reshape(2, 3)
    same = [{"a": 1, "b": array}, {"b": np.asfortranarray(array), "a": 1}, {"b": array.astype(">f8"), "a": 1}]
    assert len({str(sorted(digests(flatten(value)).items())) for value in same}) == 1


def test_a_set_has_one_order_in_every_process():
    code = (
        "from reprokit.compare.values import *; "
        "print(digests(flatten({'s': set('abcdefghij') | {(1, 'x'), None, 2.5}})))"
    )
    found = {
        subprocess.check_output([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, text=True)
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


class Opaque:
    pass


CYCLE: list = []
CYCLE.append(CYCLE)
DEEP: list = []
for _ in range(1000):
    DEEP = [DEEP]


class BadArray:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("planted")


@pytest.mark.parametrize(
    ("value", "code"),
    [(Opaque(), "RPK070"), ([{"a": Opaque()}], "RPK070"), (lambda: 1, "RPK070"), (Opaque, "RPK070"), (sys, "RPK070"),
     (iter([1]), "RPK070"), (object(), "RPK070"), ({Opaque(): 1}, "RPK070"), (random.SystemRandom(), "RPK070"),
     (np.array([Opaque()]), "RPK070"), (CYCLE, "RPK071"), (DEEP, "RPK071"), (Path("nowhere.bin"), "RPK071"),
     (BadArray(), "RPK071"), (np.zeros(1, [("a", object)]), "RPK071")],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_what_cannot_be_compared_is_an_error(value, code):
    with pytest.raises(ReprokitError) as caught:
        flatten(value, "v")
    assert caught.value.code == code
    assert caught.value.hint
    assert "0x7f" not in str(caught.value)


def test_objects_with_a_state_and_with_an_array_are_understood():
    class Stateful:
        def state_dict(self):
            return {"step": 3}

    class Like:
        def __array__(self, dtype=None, copy=None):
            return np.arange(3)

    assert list(flatten(Stateful())) == ["", "step"]
    assert described(flatten(Like())[""]) == ("int64", (3,))


def test_a_file_is_compared_by_content(tmp_path):
    one, two = tmp_path / "1.npz", tmp_path / "2.npz"
    np.savez(one, a=np.arange(3))
    np.savez_compressed(two, a=np.arange(3))
    assert one.read_bytes() != two.read_bytes()
    assert compare_files(one, two, "x.npz").equal
    assert difference(flatten(one), flatten(two)) is None
    np.savez(two, a=np.arange(1, 4))
    found = difference(flatten(one), flatten(two))
    assert found is not None
    assert found.where == "a"


def test_where_two_values_differ():
    a = {"w": np.zeros((2, 3), np.float32), "b": 1.0, "only": 1}
    b = {"w": a["w"].copy(), "b": 1.0}
    b["w"][1, 2] = np.nextafter(np.float32(0), np.float32(1))
    outcome = differences(flatten(a), flatten(b))
    by_name = {found.where: found for found in outcome.differences}
    assert by_name["w"].index == (1, 2)
    assert by_name["w"].max_ulp == 1
    assert by_name["w"].share == pytest.approx(1 / 6)
    assert set(by_name) == {"(root)", "w", "only"}
    assert outcome.differing == 3


def test_the_padding_of_a_long_double_is_no_content():
    one, two = np.array([1.5], np.longdouble), np.array([1.5], np.longdouble)
    two.view(np.uint8)[10:] = 7
    assert one.tobytes() != two.tobytes()
    assert digests(flatten(one)) == digests(flatten(two))


def test_held_leaves_do_not_follow_the_value():
    value = np.arange(3)
    leaves = held(flatten(value))
    before = digests(leaves)
    value[0] = 9
    assert digests(leaves) == before
    assert digests(flatten(value)) != before


def test_values_need_no_framework_that_they_do_not_come_from():
    code = (
        "import sys; from reprokit.compare.values import *; digests(flatten({'a': [1.0, 'x']}));"
        "print([m for m in ('torch', 'pandas', 'polars', 'tensorflow', 'jax') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
