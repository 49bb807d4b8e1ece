"""Pickles and joblib files: one content in every protocol and compression, read without running anything."""

from __future__ import annotations

import argparse
import collections
import datetime as dt
import enum
import gzip
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from reprokit.compare.files import Options, Scalar, Structure, Tensor, compare_files, read_content


class Colour(enum.Enum):
    RED = 1


class Config:
    def __init__(self, **values):
        self.__dict__.update(values)


class Slotted:
    __slots__ = ("x",)


def everything():
    slotted = Slotted()
    slotted.x = 5
    return {
        "none": None,
        "numbers": [1, -1, 1 << 70, 1.5, -0.0, float("inf"), 2 + 3j, True, False],
        "texts": ["", "é", "\ud800", b"", b"\x00\xff", bytearray(b"abc"), "x" * 70_000, b"y" * 70_000],
        "containers": ((), (1,), (1, 2, 3, 4), [], {}, set(), {1, "a"}, frozenset({(1, 2)})),
        "ordered": collections.OrderedDict(b=1, a=2),
        "counts": collections.defaultdict(list, {"k": [1]}),
        "date": dt.datetime(2020, 1, 2, tzinfo=dt.UTC),
        "namespace": argparse.Namespace(a=1, b="x"),
        "config": Config(width=3, inner=Config(depth=2)),
        "slotted": slotted,
        "colour": Colour.RED,
        "class": Config,
        "array": np.arange(6, dtype=np.float32).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big_endian": np.arange(3, dtype=">i4"),
        "strings": np.array(["ab", "c"]),
        "dates": np.array(["2020-01-01"], dtype="datetime64[ns]"),
        "records": np.array([(1, 2.5)], dtype=[("i", "i4"), ("f", "f8")]),
        "objects": np.array([1, "a", None], dtype=object),
        "scalar": np.float32(2.5),
        (1, "t"): "tuple key",
        3: "int key",
        None: "none key",
    }


def written(path, value, protocol=5):
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


def compared(tmp_path, a, b, protocol=5, options=None):
    first, second = written(tmp_path / "a.pkl", a), written(tmp_path / "b.pkl", b, protocol)
    return compare_files(first, second, "x.pkl", options or Options())


@pytest.mark.parametrize("protocol", range(5))
def test_every_protocol_gives_the_same_content(tmp_path, protocol):
    value = everything()
    if protocol < 2:
        del value["slotted"]  # older protocols cannot
    result = compared(tmp_path, value, value, protocol)
    assert result.differences == ()
    assert result.equal
    assert not result.note


def test_arrays_come_out_as_they_went_in(tmp_path):
    value = everything()
    for protocol in (2, 5):
        leaves = read_content(written(tmp_path / "a.pkl", value, protocol), "a.pkl").leaves
        for name in ("array", "fortran", "big_endian", "strings", "dates", "records"):
            leaf = leaves[name]
            assert isinstance(leaf, Tensor)
            np.testing.assert_array_equal(leaf.array(), value[name])


PAIRS = [
    (1, True),
    (1, 1.0),
    (0.0, -0.0),
    ("a", b"a"),
    ([1], (1,)),
    ({"a": 1}, collections.OrderedDict(a=1)),
    ({1: "x"}, {"1": "x"}),
    ({"a/b": 1}, {"a": {"b": 1}}),
    ({1, 2}, {1, 3}),
    ([{1, 2}], [frozenset({1, 2})]),
    (Config(a=1), argparse.Namespace(a=1)),
    (np.float32(1), np.float64(1)),
    (np.zeros(2), np.zeros(2, np.float32)),
    (np.zeros(2), np.zeros((2, 1))),
    (np.array([1, 2.5], dtype=object), np.array([1, 2.0], dtype=object)),
    (np.array([(1, 2.5)], dtype="i4,f8"), np.array([(1, 2.0)], dtype="i4,f8")),
    (float("nan"), -float("nan")),
    ({Config(a=1)}, {Config(a=2)}),
    ({Config(a=1): 1}, {Config(a=2): 1}),
    ([Config], [Colour]),
    ("x" * 100 + "a", "x" * 100 + "b"),
    (b"x" * 100 + b"a", b"x" * 100 + b"b"),
    ({"k" * 500 + "a": 1}, {"k" * 500 + "b": 1}),
    (1 << 5000, (1 << 5000) + 1),
]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0]!r:.20}")
def test_different_values_differ(tmp_path, pair):
    result = compared(tmp_path, *pair)
    assert not result.equal
    assert result.differing
    assert not result.note


def test_order_of_keys_and_sharing_are_not_content(tmp_path):
    shared = [1, 2]
    assert compared(tmp_path, {"a": shared, "b": shared}, {"b": [1, 2], "a": [1, 2]}).equal


def test_sets_of_objects_do_not_depend_on_their_order(tmp_path):
    one = {frozenset({frozenset({i}), "x"}) for i in range(20)}
    other = {frozenset({frozenset({i}), "x"}) for i in reversed(range(20))}
    assert compared(tmp_path, [one, "a"], [other, "a"], protocol=4).equal


def test_members_that_look_alike_are_counted(tmp_path):
    a, b = Config(v=[1]), Config(v=[2])
    twins = [{Config(v=[1]), a, b}, {a, b, Config(v=[2])}]
    assert not compared(tmp_path, *twins).equal


def test_cycles(tmp_path):
    def ring(last):
        head = [1]
        head.append({"up": head, "x": last})
        return head

    assert compared(tmp_path, ring(1), ring(1), protocol=4).equal
    result = compared(tmp_path, ring(1), ring(2))
    assert [d.where for d in result.differences] == ["1/x"]


def test_several_pickles_in_one_file(tmp_path):
    for name, last in (("a", 1), ("b", 2)):
        with (tmp_path / f"{name}.pkl").open("wb") as file:
            pickle.dump([0], file)
            pickle.dump(last, file)
    result = compare_files(tmp_path / "a.pkl", tmp_path / "b.pkl", "x.pkl")
    assert [d.where for d in result.differences] == ["<pickle 1>"]


def test_what_a_pickle_takes_away_again_is_content(tmp_path):
    # A state setter is called, and its result dropped: it may have changed the object that stays.
    for name, number in (("a", b"K\x01"), ("b", b"K\x02")):
        (tmp_path / f"{name}.pkl").write_bytes(b"\x80\x02]q\x00cmod\nsetter\nh\x00" + number + b"\x86R0.")
    result = compare_files(tmp_path / "a.pkl", tmp_path / "b.pkl", "x.pkl")
    assert not result.equal
    assert result.differences[0].where == "<dropped>/0/<argument 1>"


def test_keys_can_be_left_out(tmp_path):
    a, b = Config(when=1, value=2), Config(when=2, value=2)
    assert compared(tmp_path, a, b, options=Options(ignore_keys=("when",))).equal


@pytest.fixture(scope="module")
def fitted():
    x = np.random.default_rng(0).normal(size=(200, 5))
    y = (x[:, 0] > 0).astype(int)

    def fit(seed):
        return make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=seed)).fit(x, y)

    return fit


@pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)], ids=str)
def test_joblib_compression_is_not_content(tmp_path, fitted, compress):
    joblib.dump(fitted(0), tmp_path / "a.joblib")
    joblib.dump(fitted(0), tmp_path / "b.joblib", compress=compress, protocol=2)
    result = compare_files(tmp_path / "a.joblib", tmp_path / "b.joblib", "model.joblib")
    assert result.equal
    assert not result.note


def test_joblib_and_pickle_agree(tmp_path, fitted):
    joblib.dump(fitted(0), tmp_path / "a.joblib")
    second = written(tmp_path / "b.pkl", fitted(0))
    result = compare_files(tmp_path / "a.joblib", second, "model.joblib")
    assert result.equal
    assert result.method.startswith("pickle: 16 tensors")


def test_another_forest_differs(tmp_path, fitted):
    joblib.dump(fitted(0), tmp_path / "a.joblib")
    joblib.dump(fitted(1), tmp_path / "b.joblib")
    result = compare_files(tmp_path / "a.joblib", tmp_path / "b.joblib", "model.joblib")
    assert "steps/1/1/estimators_/0/random_state" in {d.where for d in result.differences}


def test_joblib_arrays_of_objects(tmp_path):
    for name, last in (("a", "z"), ("b", "y")):
        joblib.dump([np.array([1, "x", last], dtype=object), np.arange(4)], tmp_path / f"{name}.joblib")
    result = compare_files(tmp_path / "a.joblib", tmp_path / "b.joblib", "x.joblib")
    assert not result.note
    assert result.differing == 1
    assert (result.differences[0].a, result.differences[0].b) == ("z", "y")


def test_data_frames(tmp_path):
    frame = pd.DataFrame({"a": [1, 2.5], "b": ["x", "y"], "c": pd.to_datetime(["2020", "2021"])})
    frame.to_pickle(tmp_path / "a.pkl")
    frame.to_pickle(tmp_path / "b.pkl", protocol=4)
    assert compare_files(tmp_path / "a.pkl", tmp_path / "b.pkl", "f.pkl").equal
    frame.loc[1, "a"] = 2.25
    frame.to_pickle(tmp_path / "b.pkl")
    assert not compare_files(tmp_path / "a.pkl", tmp_path / "b.pkl", "f.pkl").equal


def test_a_pickle_inside_gzip(tmp_path):
    first = written(tmp_path / "a.pkl", everything())
    with gzip.open(tmp_path / "b.pkl.gz", "wb") as file:
        file.write(first.read_bytes())
    assert compare_files(first, tmp_path / "b.pkl.gz", "x.pkl.gz").equal


def test_plain_pickles_of_tensors(tmp_path):
    torch = pytest.importorskip("torch")
    value = {"w": torch.arange(6.0).view(2, 3).t(), "p": torch.nn.Parameter(torch.ones(2))}
    first, second = written(tmp_path / "a.pkl", value), written(tmp_path / "b.pkl", value, 2)
    assert compare_files(first, second, "x.pkl").equal
    value["w"][0, 1] = 9
    result = compare_files(first, written(tmp_path / "c.pkl", value), "x.pkl")
    assert [(d.where, d.index) for d in result.differences] == [("w", (0, 1))]


def test_leaves_say_class_and_state(tmp_path):
    leaves = read_content(written(tmp_path / "a.pkl", Config(n=1)), "a.pkl").leaves
    assert leaves["n"] == Scalar("int", "1")
    assert isinstance(leaves[""], Structure)
    assert leaves[""].text.endswith("Config attributes")
