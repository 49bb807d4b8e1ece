"""Paths of a replay's own tree are the recorded ones; whatever else differs in the same text still differs."""

import json
import pickle
from pathlib import PurePosixPath

import pytest

from reprokit.compare.files import Options, Relocation, compare_files, compare_groups, groups_in, read_content

TREE = "/tmp/reprokit-replay-a1b2/run-1/tree"
MOVED = Options(moved=((), (TREE,)))
LONG = "k" * 180  # a key that is cut in the name of its leaf once the tree stands before it


def document(top, name="best.ckpt", score=0.5):
    path = f"{top}/home/me/ckpt/{name}"
    return {"best": path, "scores": {path: score, f"{LONG}{path}": 1.0}, "said": f"kept {path}, {path}", "step": 3}


def as_json(value):
    return json.dumps(value).encode()


def as_pickle(value):
    return pickle.dumps(value | {"seen": {value["best"]}, "at": PurePosixPath(value["best"])})


def as_rows(value):
    return "".join(json.dumps({"file": key, "score": score}) + "\n" for key, score in value["scores"].items()).encode()


def as_table(value):
    return f"file,{value['best']}\n{value['best']},{value['scores'][value['best']]}\n".encode()


def as_text(value):
    return f"{value['said']}\nscore {value['scores'][value['best']]}\n".encode()


FORMATS = {"x.json": as_json, "x.pkl": as_pickle, "x.jsonl": as_rows, "x.csv": as_table, "x.txt": as_text}


@pytest.fixture
def compared(tmp_path):
    def compare(name, first, second, options=MOVED):
        (tmp_path / "a").write_bytes(first)
        (tmp_path / "b").write_bytes(second)
        return compare_files(tmp_path / "a", tmp_path / "b", name, options)

    return compare


@pytest.mark.parametrize("name", FORMATS)
def test_paths_in_texts_and_keys(compared, name):
    found = compared(name, FORMATS[name](document("")), FORMATS[name](document(TREE)))
    assert found.equal, found.differences
    assert "taken as the recorded paths" in found.note


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("change", [{"name": "other.ckpt"}, {"score": 0.25}])
def test_what_else_differs_still_differs(compared, name, change):
    found = compared(name, FORMATS[name](document("")), FORMATS[name](document(TREE, **change)))
    assert not found.equal
    assert found.differing


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "options",
    [Options(), Options(moved=((TREE,), ())), Options(moved=((), ("/tmp/reprokit-replay-a1b2/run-2/tree",)))],
    ids=["none", "the first file's", "another replay's"],
)
def test_only_the_tree_of_that_file_counts(compared, name, options):
    found = compared(name, FORMATS[name](document("")), FORMATS[name](document(TREE)), options)
    assert not found.equal
    assert not found.note


def test_two_replays_in_two_trees(compared):
    other = TREE.replace("run-1", "run-2")
    options = Options(moved=((TREE,), (other,)))
    assert compared("x.json", as_json(document(TREE)), as_json(document(other)), options).equal


@pytest.mark.parametrize("write", [as_json, pickle.dumps], ids=["json", "pickle"])
@pytest.mark.parametrize("scores", [(1, 2), (2, 1), (1, 1)])
def test_two_keys_that_become_one_are_never_equal(compared, write, scores):
    name = "x.json" if write is as_json else "x.pkl"
    both = {"/home/a": scores[0], f"{TREE}/home/a": scores[1]}
    assert not compared(name, write({"/home/a": 1}), write(both)).equal


def test_bytes_and_arrays_are_left_alone(compared):
    assert not compared("x.pkl", pickle.dumps(b"/home/a"), pickle.dumps(f"{TREE}/home/a".encode())).equal
    assert not compared("x.bin", b"\0/home/a", f"\0{TREE}/home/a".encode()).equal
    numpy = pytest.importorskip("numpy")
    a, b = (numpy.array([f"{top}/home/a"]) for top in ("", TREE))
    assert not compared("x.pkl", pickle.dumps(a), pickle.dumps(b)).equal


def test_a_directory_that_only_begins_alike(compared):
    assert not compared("x.json", as_json("2/home/a"), as_json(f"{TREE}2/home/a")).equal
    assert not compared("x.json", as_json("/home/a"), as_json(f"{TREE}//home/a")).equal
    assert Relocation(("/", "")).text("/home/a") == "/home/a"
    assert Relocation(("/tmp/t", "/private/tmp/t")).text("/private/tmp/t/x") == "/x"


@pytest.mark.torch
def test_torch_zip_and_its_older_form(compared, tmp_path):
    torch = pytest.importorskip("torch")
    for old in (False, True):
        written = {}
        for key, value in {"a": document(""), "b": document(TREE), "c": document(TREE, "other.ckpt")}.items():
            torch.save(value | {"w": torch.ones(3)}, tmp_path / key, _use_new_zipfile_serialization=not old)
            written[key] = (tmp_path / key).read_bytes()
        equal = compared("m.ckpt", written["a"], written["b"])
        assert equal.equal, equal.differences
        assert equal.note.startswith("4 texts ")
        assert not compared("m.ckpt", written["a"], written["c"]).equal


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:torch.distributed is disabled:UserWarning")
def test_groups_are_read_in_the_same_way(tmp_path):
    torch = pytest.importorskip("torch")
    checkpoint = pytest.importorskip("torch.distributed.checkpoint")
    sides = []
    for side, top, name in (("a", "", "x"), ("b", TREE, "x"), ("c", TREE, "y")):
        folder = tmp_path / side
        folder.mkdir()
        checkpoint.save({"w": torch.ones(3), "best": f"{top}/home/{name}"}, checkpoint_id=folder, no_dist=True)
        files = {f"ckpt/{path.name}": path for path in folder.iterdir()}
        [group] = groups_in(files).values()
        sides.append(group)
    same, _ = compare_groups(sides[0], sides[1], MOVED)
    assert same is not None
    assert same.equal, same.differences
    assert "taken as the recorded paths" in same.note
    other, _ = compare_groups(sides[0], sides[2], MOVED)
    assert other is not None
    assert not other.equal
    unmoved, _ = compare_groups(sides[0], sides[1], Options())
    assert unmoved is not None
    assert not unmoved.equal


def test_a_hint_for_runs_in_two_places(compared):
    found = compared("x.json", as_json({"best": "/a/b/best.ckpt"}), as_json({"best": "/c/best.ckpt"}), Options())
    assert not found.equal
    assert found.differences[0].detail == "the values differ: the same name in two directories"
    other = compared("x.json", as_json({"best": "/a/b/best.ckpt"}), as_json({"best": "/c/last.ckpt"}), Options())
    assert other.differences[0].detail == "the values differ"


def test_paths_of_pathlib_are_texts(tmp_path):
    for text in ("/home/me/a.txt", "a/b", "/", "."):
        (tmp_path / "p").write_bytes(pickle.dumps(PurePosixPath(text)))
        [leaf] = read_content(tmp_path / "p", "p.pkl").leaves.values()
        assert leaf.text == ("" if text == "." else text)
