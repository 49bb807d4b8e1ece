"""Checkpoints written by torch.save itself: packing is no content, every bit is."""

from __future__ import annotations

import argparse
import io
import re
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from reprokit.compare.files import Scalar, Structure, Tensor, compare_files, read_content

if TYPE_CHECKING:
    from pathlib import Path

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def checkpoint(seed=0):
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(5, 4)).sum().backward()
    optimizer.step()
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(lr=0.1, layers=3, flag=True, tags={"a", "b"}, device=torch.device("cpu")),
        "rng": torch.get_rng_state(),
        "step": 7,
    }


def kinds_of_tensors():
    base = torch.arange(12, dtype=torch.float32)
    return {
        "bf16": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
        "half": torch.tensor([1.5, -2.0], dtype=torch.float16),
        "u16": torch.tensor([1, 65535], dtype=torch.uint16),
        "bool": torch.tensor([True, False]),
        "conj": torch.tensor([1 + 2j, 3 - 4j]).conj(),
        "neg": torch.tensor([1 + 2j, 3 - 4j]).conj().imag,
        "transposed": base.view(3, 4).t(),
        "expanded": torch.ones(1).expand(5),
        "part": base[3:9:2],
        "scalar": torch.tensor(3.25),
        "empty": torch.empty(0, 4),
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }


def save(path: Path, value, **options):
    torch.save(value, path, **options)
    return path


def compared(tmp_path, a, b, **options):
    first, second = save(tmp_path / "a.pt", a), save(tmp_path / "b.pt", b, **options)
    return compare_files(first, second, "model.pt")


@pytest.mark.parametrize("options", [{"pickle_protocol": 4}, {"_use_new_zipfile_serialization": False}])
def test_packing_is_not_content(tmp_path, options):
    result = compared(tmp_path, checkpoint(), checkpoint(), **options)
    assert result.equal
    assert result.same_schema
    assert not result.note
    assert re.fullmatch(r"torch.save: 20 tensors, \d\d values", result.method)


def test_whole_modules_in_both_formats(tmp_path):
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU())
    result = compared(tmp_path, model, model, _use_new_zipfile_serialization=False)
    assert result.equal
    assert result.method.startswith("torch.save: 2 tensors")
    assert '_modules/"0"/_parameters/weight' in read_content(tmp_path / "a.pt", "a.pt").leaves


def test_two_archives_with_other_dates_and_deflated_members(tmp_path):
    first = save(tmp_path / "a.pt", checkpoint())
    with zipfile.ZipFile(first) as old, zipfile.ZipFile(tmp_path / "b.pt", "w", zipfile.ZIP_DEFLATED) as new:
        for entry in reversed(old.infolist()):
            new.writestr(entry.filename.replace("a/", "elsewhere/", 1), old.read(entry))
    result = compare_files(first, tmp_path / "b.pt", "model.bin")
    assert result.equal
    assert not result.note


@pytest.mark.parametrize("legacy", [False, True])
def test_tensors_have_the_values_that_torch_gives(tmp_path, legacy):
    tensors = kinds_of_tensors()
    path = save(tmp_path / "t.pt", tensors, _use_new_zipfile_serialization=not legacy)
    leaves = read_content(path, "t.pt").leaves
    for name, tensor in tensors.items():
        leaf = leaves[name]
        assert isinstance(leaf, Tensor)
        assert leaf.shape == tuple(tensor.shape)
        assert leaf.dtype == str(tensor.dtype).removeprefix("torch.")
        plain = tensor.detach().resolve_conj().resolve_neg()
        expected = plain.contiguous().view(torch.int16) if name == "bf16" else plain
        np.testing.assert_array_equal(leaf.array().view(np.int16) if name == "bf16" else leaf.array(), expected.numpy())


def test_lazy_and_resolved_conjugates_are_equal(tmp_path):
    value = torch.tensor([1 + 2j, 3 - 4j])
    assert compared(tmp_path, {"z": value.conj()}, {"z": value.conj().resolve_conj()}).equal
    assert not compared(tmp_path, {"z": value.conj()}, {"z": value}).equal


def test_float8_sparse_and_subclasses(tmp_path):
    values = {
        "f8": torch.tensor([1.0, -2.0]).to(torch.float8_e4m3fn),
        "sparse": torch.eye(3).to_sparse(),
        "csr_like": torch.Size([2, 3]),
    }
    assert compared(tmp_path, values, values, pickle_protocol=3).equal
    changed = {**values, "sparse": (torch.eye(3) * 2).to_sparse()}
    result = compared(tmp_path, values, changed)
    assert [d.where for d in result.differences] == ["sparse/<argument 1>/1"]


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_quantized(tmp_path):
    one = torch.quantize_per_tensor(torch.ones(2), 0.1, 1, torch.qint8)
    other = torch.quantize_per_tensor(torch.ones(2), 0.2, 1, torch.qint8)
    assert compared(tmp_path, {"q": one}, {"q": one}, pickle_protocol=3).equal
    assert {d.where for d in compared(tmp_path, {"q": one}, {"q": other}).differences} == {"q", "q/<quantizer>/1"}


def change_one_ulp(value):
    weight = value["model"]["0.weight"]
    weight[1, 2] = torch.nextafter(weight[1, 2], torch.tensor(torch.inf))


def change_namespace(value):
    value["args"].layers = 4


def change_bool_to_int(value):
    value["args"].flag = 1


def change_set(value):
    value["args"].tags = {"a", "c"}


def drop_tensor(value):
    del value["model"]["1.bias"]


def change_dtype(value):
    value["model"]["1.bias"] = value["model"]["1.bias"].double()


def permute_rows(value):
    value["model"]["0.weight"] = value["model"]["0.weight"][[1, 0, 2]]


def negate_zero(value):
    value["model"]["1.running_mean"][:] = -0.0


CHANGES = {
    change_one_ulp: "model/0.weight",
    change_namespace: "args/layers",
    change_bool_to_int: "args/flag",
    change_set: "args/tags/b",
    drop_tensor: "model/1.bias",
    change_dtype: "model/1.bias",
    permute_rows: "model/0.weight",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_found_and_named(tmp_path, change):
    other = checkpoint()
    change(other)
    result = compared(tmp_path, checkpoint(), other)
    assert not result.equal
    assert result.differences[0].where == CHANGES[change]


def test_one_ulp_is_measured(tmp_path):
    other = checkpoint()
    change_one_ulp(other)
    [difference] = compared(tmp_path, checkpoint(), other).differences
    assert (difference.index, difference.max_ulp, difference.share) == ((1, 2), 1, 1 / 12)
    assert 0 < difference.max_abs < 1e-6


def test_schema_holds_for_values_and_not_for_types(tmp_path):
    first, second = checkpoint(), checkpoint(seed=1)
    assert compared(tmp_path, first, second).same_schema
    change_dtype(second)
    assert not compared(tmp_path, first, second).same_schema


def test_negative_zero_and_nan_payload(tmp_path):
    zero, minus = torch.zeros(2), -torch.zeros(2)
    assert not compared(tmp_path, {"x": zero}, {"x": minus}).equal
    nan = torch.tensor([0x7FC00000, 0], dtype=torch.int32).view(torch.float32)
    other = torch.tensor([0x7FC00001, 0], dtype=torch.int32).view(torch.float32)
    assert compared(tmp_path, {"x": nan}, {"x": nan.clone()}, pickle_protocol=3).equal
    assert not compared(tmp_path, {"x": nan}, {"x": other}).equal


def test_strides_with_other_values(tmp_path):
    base = torch.arange(6.0)
    assert not compared(tmp_path, {"x": base.view(2, 3).t()}, {"x": base.view(3, 2)}).equal
    assert compared(tmp_path, {"x": base.view(2, 3).t()}, {"x": base.view(2, 3).t().contiguous()}).equal


def test_tied_tensors_equal_untied_ones(tmp_path):
    weight = torch.arange(4.0)
    assert compared(tmp_path, {"a": weight, "b": weight}, {"a": weight, "b": weight.clone()}).equal


def test_order_of_keys_is_not_content(tmp_path):
    a, b = torch.zeros(2), torch.ones(3)
    assert compared(tmp_path, {"a": a, "b": b}, {"b": b, "a": a}).equal


def test_torchscript_code_is_content(tmp_path):
    for name, number in (("a", 1), ("b", 2)):
        path, members = tmp_path / f"{name}.pt", {"data.pkl": b"\x80\x02}.", "code/m.py": f"x = {number}".encode()}
        with zipfile.ZipFile(path, "w") as archive:
            for member, data in members.items():
                archive.writestr(f"{name}/{member}", data)
    assert [d.where for d in compare_files(tmp_path / "a.pt", tmp_path / "b.pt", "m.pt").differences] == [
        "<members>/code~1m.py"
    ]


def test_a_member_marked_as_a_directory_is_refused(tmp_path):
    save(tmp_path / "a.pt", {"w": torch.ones(3)})
    data = bytearray((tmp_path / "a.pt").read_bytes())
    entry = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data[entry + 38] = 0x10
    (tmp_path / "b.pt").write_bytes(data)
    result = compare_files(tmp_path / "a.pt", tmp_path / "b.pt", "a.pt")
    assert not result.equal
    assert "marked as a directory" in result.note


def test_truncated_archive_is_compared_by_bytes(tmp_path):
    first = save(tmp_path / "a.pt", checkpoint())
    (tmp_path / "b.pt").write_bytes(first.read_bytes()[:-300])
    result = compare_files(first, tmp_path / "b.pt", "a.pt")
    assert not result.equal
    assert not result.same_schema


def test_both_truncated_says_why(tmp_path):
    buffer = io.BytesIO()
    torch.save(checkpoint(), buffer, _use_new_zipfile_serialization=False)
    (tmp_path / "a.pt").write_bytes(buffer.getvalue()[:-1])
    (tmp_path / "b.pt").write_bytes(buffer.getvalue()[:-2])
    result = compare_files(tmp_path / "a.pt", tmp_path / "b.pt", "a.pt")
    assert not result.equal
    assert result.method == "bytes"
    assert result.same_schema
    assert result.note.startswith("RPK051: not compared as torch.save:")


def test_classes_are_named_and_never_imported(tmp_path):
    path = save(tmp_path / "a.pt", checkpoint())
    leaves = read_content(path, "a.pt").leaves
    assert leaves["args"] == Structure("object argparse.Namespace attributes")
    assert leaves["args/layers"] == Scalar("int", "3")
