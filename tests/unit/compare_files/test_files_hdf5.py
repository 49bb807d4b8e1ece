"""HDF5 and Keras archives: what counts, what does not, and what is refused."""

from __future__ import annotations

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from reprokit.compare.files import UnreadableError, compare_files, isolated, read_content

pytestmark = pytest.mark.slow  # each file is read by a process of its own


def plain(file):
    group = file.create_group("layers/dense")
    group.attrs["name"] = "dense"
    group.create_dataset("kernel", data=np.arange(6, dtype=np.float32).reshape(2, 3))
    group.create_dataset("count", data=7)


def written(path, write, **options):
    with h5py.File(path, "w", **options) as file:
        write(file)
    return path


def compared(tmp_path, one, other, name="x.h5"):
    return compare_files(written(tmp_path / "a", one), written(tmp_path / "b", other), name)


def packed(file):
    group = file.create_group("layers/dense", track_order=True)
    group.create_dataset("count", data=7)
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    group.create_dataset("kernel", data=values, chunks=(1, 2), compression="gzip", shuffle=True, fletcher32=True)
    group.attrs["name"] = "dense"


def in_another_byte_order(file):
    plain(file)
    del file["layers/dense/kernel"]
    file["layers/dense/kernel"] = np.arange(6, dtype=">f4").reshape(2, 3)


@pytest.mark.parametrize("other", [packed, in_another_byte_order])
def test_chunks_filters_order_and_byte_order_are_packing(tmp_path, other):
    found = compared(tmp_path, plain, other)
    assert (found.equal, found.note) == (True, "")
    assert found.method.startswith("HDF5: ")


def test_a_users_block_before_the_file_is_packing(tmp_path):
    written(tmp_path / "a", plain)
    written(tmp_path / "b", plain, userblock_size=1024)
    assert compare_files(tmp_path / "a", tmp_path / "b", "x").equal


def changed(path, value):
    def write(file):
        plain(file)
        if isinstance(value, str):
            file[path].attrs["name"] = value
        else:
            file[path][...] = value

    return write


def test_one_step_of_one_element_is_found_by_name(tmp_path):
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    values[1, 2] = np.nextafter(values[1, 2], np.float32(9))
    [difference] = compared(tmp_path, plain, changed("layers/dense/kernel", values)).differences
    assert (difference.where, difference.index, difference.max_ulp) == ("layers/dense/kernel", (1, 2), 1)
    [difference] = compared(tmp_path, packed, changed("layers/dense/kernel", values)).differences
    assert difference.max_ulp == 1


@pytest.mark.parametrize(("path", "value"), [("layers/dense", "other"), ("layers/dense/count", 8)])
def test_attributes_and_numbers_are_content(tmp_path, path, value):
    assert compared(tmp_path, plain, changed(path, value)).differing == 1


@pytest.mark.parametrize("shape", [(), (3,)])
@pytest.mark.parametrize("stored", [{}, {"compression": "gzip"}])
def test_what_the_numbers_of_an_enumeration_stand_for_is_content(tmp_path, shape, stored):
    """The numbers are equal, and mean other classes."""
    stored = stored if shape else {}

    def labels(members):
        kind = h5py.enum_dtype(members, basetype="i1")
        return lambda file: file.create_dataset("labels", shape, dtype=kind, data=np.ones(shape, "i1"), **stored)

    assert compared(tmp_path, labels({"cat": 0, "dog": 1}), labels({"dog": 1, "cat": 0})).equal
    other = compared(tmp_path, labels({"cat": 0, "dog": 1}), labels({"dog": 0, "cat": 1}))
    assert not other.equal
    assert other.differing == 1


def test_types_are_told_apart(tmp_path):
    values = {
        "text": "é", "texts": np.array(["a", "bb"], dtype=h5py.string_dtype()), "fixed": np.array([b"a", b"bb"]),
        "record": np.array([(1, 2.5)], dtype=[("n", "i4"), ("x", "f8")]), "truth": np.array([True, False]),
        "void": np.frombuffer(b"abcd", "V2"), "complex": np.array([1 + 2j], np.complex64), "half": np.float16([1.5]),
        "nothing": h5py.Empty("f4"), "none": np.empty((0, 3)),
    }  # fmt: skip

    def write(file):
        for name, value in values.items():
            file[name] = value
        file["list"] = file["half"]
        rows = file.create_dataset("rows", (2,), dtype=h5py.vlen_dtype(np.int32))
        rows[0], rows[1] = [1, 2], [3]
        file.create_dataset("where", data=file["text"].ref, dtype=h5py.ref_dtype)

    content = read_content(written(tmp_path / "a", write), "a")
    assert content.leaves["texts/1"].text == '"bb"'
    assert content.leaves["where"].text == '["reference", "/text"]'
    assert content.leaves["record"].array()["x"].tolist() == [2.5]
    assert content.leaves["truth"].dtype == "bool"
    written(tmp_path / "b", write)
    assert compare_files(tmp_path / "a", tmp_path / "b", "x").equal
    for name in ("text", "texts", "fixed", "record", "truth", "void", "complex", "half", "rows", "where"):
        write(file := h5py.File(tmp_path / "c", "w"))
        if name in {"text", "where"}:
            del file[name]
            file[name] = "e" if name == "text" else file["half"].ref
        elif name == "rows":
            file[name][1] = [4]
        else:
            values_there = file[name][...]
            values_there.reshape(-1)[0] = (
                values_there.reshape(-1)[-1] if values_there.size > 1 else np.zeros(1, values_there.dtype)[0]
            )
            file[name][...] = values_there
        file.close()
        different = compare_files(tmp_path / "a", tmp_path / "c", "x")
        assert not different.equal, name
        assert different.differences[0].where.partition("/")[0] == name


def test_links_are_told_by_where_they_point_and_never_followed(tmp_path):
    def write(target, secret):
        def made(file):
            file["here"] = 1.0
            file["soft"] = h5py.SoftLink(target)
            file["outside"] = h5py.ExternalLink(secret, "/x")

        return made

    secret = str(written(tmp_path / "secret.h5", lambda file: file.create_dataset("x", data=[42])))
    assert compared(tmp_path, write("/here", secret), write("/here", secret)).equal
    content = read_content(tmp_path / "a", "a")
    assert (content.leaves["soft"].type, content.leaves["soft"].text) == ("soft link", "/here")
    assert content.leaves["outside"].type == "external link"
    assert not compared(tmp_path, write("/here", secret), write("/there", secret)).equal
    assert not compared(tmp_path, write("/here", secret), write("/here", "/etc/passwd")).equal


def test_a_group_inside_itself_ends(tmp_path):
    def write(value):
        def made(file):
            file["value"] = value
            group = file.create_group("a/b")
            group["again"] = file["a"]
            group["top"] = file["/"]

        return made

    found = compared(tmp_path, write(1), write(2))
    assert [difference.where for difference in found.differences] == ["value"]
    assert not found.note


def virtual(file):
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(3,))
    file.create_virtual_dataset("x", layout)
    file["y"] = np.random.default_rng().random()


def external(file):
    file.create_dataset("x", (16,), "u1", external=[("/etc/passwd", 0, 16)])
    file["y"] = np.random.default_rng().random()


@pytest.mark.parametrize("write", [virtual, external])
def test_values_outside_the_file_are_refused(tmp_path, write):
    with pytest.raises(UnreadableError, match="other datasets or files"):
        read_content(written(tmp_path / "a", write), "a")
    found = compared(tmp_path, write, write)
    assert not found.equal
    assert found.method == "bytes"


def test_without_the_library_nothing_is_claimed(tmp_path, monkeypatch):
    monkeypatch.setattr(isolated, "installed", lambda _: False)
    found = compared(tmp_path, plain, packed)
    assert (found.equal, found.established, found.differences) == (False, False, ())
    assert "RPK110" in found.note
    assert "reprokit-harness[hdf5]" in found.note
    written(tmp_path / "b", plain)
    assert compare_files(tmp_path / "a", tmp_path / "b", "x").equal, "equal bytes need no library"


CONFIG = {"class_name": "Sequential", "config": {"layers": []}}


def archive(path, config=CONFIG, date="2026-11-23@00:41:47", value=0.0, moment=(2026, 1, 1, 0, 0, 0)):
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file["layers/dense/vars/0"] = np.array([value, 1.0], np.float32)
    members = {
        "metadata.json": json.dumps({"keras_version": "3.15.0", "date_saved": date}),
        "config.json": json.dumps(config),
        "model.weights.h5": weights.getvalue(),
    }
    with zipfile.ZipFile(path, "w") as zipped:
        for name, data in members.items():
            zipped.writestr(zipfile.ZipInfo(name, moment), data)
    return path


def shared(first, second):
    def layer(number):
        return {"class_name": "L2", "config": {"l2": 0.1}, "shared_object_id": number}

    return {**CONFIG, "config": {"layers": [layer(first), layer(second)]}}


@pytest.mark.parametrize(
    ("settings", "equal"),
    [
        ({"date": "2026-12-01@00:00:00"}, True),
        ({"moment": (2027, 1, 1, 0, 0, 0)}, True),
        ({"config": {**CONFIG, "config": {"layers": [], "rate": 0.5}}}, False),
        ({"value": 1e-45}, False),
    ],
)
def test_of_a_keras_archive_dates_do_not_count_and_all_else_does(tmp_path, settings, equal):
    found = compare_files(archive(tmp_path / "a"), archive(tmp_path / "b", **settings), "m.keras")
    assert found.equal == equal
    assert found.method.startswith("Keras")
    assert not found.note


def test_of_shared_objects_counts_which_are_the_same_not_their_addresses(tmp_path):
    one, same, other = (
        archive(tmp_path / name, shared(*numbers))
        for name, numbers in {"a": (140001, 140002), "b": (777, 555), "c": (140001, 140001)}.items()
    )
    assert compare_files(one, same, "m.keras").equal
    assert not compare_files(one, other, "m.keras").equal
