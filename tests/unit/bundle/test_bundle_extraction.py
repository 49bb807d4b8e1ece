import os

import pytest

from reprokit.bundle import BundleReader, Item, pack
from reprokit.bundle.extraction import Tree
from reprokit.errors import CorruptBundleError, UsageError


def tree_of(directory):
    files = [path for path in directory.rglob("*") if not path.is_dir()]
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def test_everything_is_written(bundle, contents, tmp_path):
    with BundleReader.open(bundle) as reader:
        paths = reader.extract_all(tmp_path / "out")
    assert tree_of(tmp_path / "out") == contents
    assert paths == [tmp_path / "out" / name for name in sorted(contents, key=os.fsencode)]


def test_modes(bundle, tmp_path):
    before = os.umask(0o022)
    try:
        with BundleReader.open(bundle) as reader:
            reader.extract_all(tmp_path / "out")
    finally:
        os.umask(before)
    assert (tmp_path / "out/code/train.py").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "out/data/empty").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(("strip", "expected"), [(False, {"code/train.py"}), (True, {"train.py"})])
def test_a_prefix_chooses_members(bundle, tmp_path, strip, expected):
    with BundleReader.open(bundle) as reader:
        reader.extract_all(tmp_path / "out", "code/", strip=strip)
    assert set(tree_of(tmp_path / "out")) == expected


def test_one_member(bundle, contents, tmp_path):
    with BundleReader.open(bundle) as reader:
        reader.extract("code/train.py", tmp_path / "train.py")
    assert (tmp_path / "train.py").read_bytes() == contents["code/train.py"]


@pytest.mark.parametrize("make", [lambda p: p.write_text("mine"), lambda p: p.symlink_to("elsewhere"), os.mkdir])
def test_what_stands_there_is_never_overwritten(bundle, tmp_path, make):
    target = tmp_path / "target"
    make(target)
    with BundleReader.open(bundle) as reader, pytest.raises(UsageError) as caught:
        reader.extract("code/train.py", target)
    assert caught.value.code == "RPK005"
    assert not (tmp_path / "elsewhere").exists()


def test_a_directory_with_something_in_it_is_refused(bundle, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("x")
    with BundleReader.open(bundle) as reader, pytest.raises(UsageError) as caught:
        reader.extract_all(tmp_path / "out")
    assert caught.value.code == "RPK005"
    assert tree_of(tmp_path / "out") == {"mine": b"x"}


def test_an_empty_directory_will_do(bundle, contents, tmp_path):
    (tmp_path / "out").mkdir()
    with BundleReader.open(bundle) as reader:
        assert len(reader.extract_all(tmp_path / "out")) == len(contents)


@pytest.mark.parametrize("where", ["file", "missing/out", "a\0b"])
def test_places_that_cannot_be_written(bundle, tmp_path, where):
    (tmp_path / "file").write_text("x")
    with BundleReader.open(bundle) as reader:
        for ask in (
            lambda: reader.extract_all(tmp_path / where),
            lambda: reader.extract("data/empty", tmp_path / where),
        ):
            with pytest.raises(UsageError) as caught:
                ask()
            assert caught.value.code == "RPK005"


def test_too_little_space_is_said_before_writing(tmp_path):
    with pytest.raises(UsageError) as caught:
        Tree(tmp_path / "out", 1 << 60)
    assert "free" in caught.value.message


@pytest.mark.parametrize("at", ["a", "a/b"])
def test_a_link_put_there_meanwhile_is_not_followed(tmp_path, at):
    outside = tmp_path / "outside"
    outside.mkdir()
    with Tree(tmp_path / "out", 0) as tree:
        (tmp_path / "out" / at).parent.mkdir(exist_ok=True)
        (tmp_path / "out" / at).symlink_to(outside)
        with pytest.raises(UsageError):
            tree.write("a/b/file", [memoryview(b"x")], executable=False)
    assert list(outside.iterdir()) == []


def test_a_tree_checks_names_itself(tmp_path):
    with Tree(tmp_path / "out", 0) as tree, pytest.raises(ValueError):
        tree.write("../x", [memoryview(b"x")], executable=False)


def test_a_wrong_digest_leaves_no_file(forge, tar_entry, member, tmp_path):
    path = forge([tar_entry("a", b"good") + tar_entry("b", b"evil")], [member("a", b"good"), member("b", b"true")])
    with BundleReader.open(path) as reader:
        for ask in (lambda: reader.extract("b", tmp_path / "b"), lambda: reader.extract_all(tmp_path / "out")):
            with pytest.raises(CorruptBundleError) as caught:
                ask()
            assert caught.value.code == "RPK022"
    assert not (tmp_path / "b").exists()
    assert tree_of(tmp_path / "out") == {"a": b"good"}


def test_many_directories_need_few_descriptors(tmp_path, finish, held):
    pack(tmp_path / "b", [Item(f"d{i}/e/f", b"x") for i in range(2000)], finish)
    with BundleReader.open(tmp_path / "b") as reader:
        assert len(reader.extract_all(tmp_path / "out")) == 2000
        assert held() == [str(tmp_path / "b")]
    assert held() == []
