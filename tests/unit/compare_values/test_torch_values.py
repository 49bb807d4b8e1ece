"""PyTorch's values as leaves: every dtype and layout, modules, optimizers, schedulers, scalers, generators."""

from __future__ import annotations

import pytest

from reprokit.compare.values import described, difference, digests, flatten, held
from reprokit.errors import ReprokitError

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

pytestmark = pytest.mark.torch

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex128, torch.complex64, torch.complex32,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16, torch.uint32, torch.uint64,
    torch.bool, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz,
    torch.float8_e8m0fnu,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (3,), (0, 2), (2, 3)], ids=str)
def test_every_dtype_has_its_name_and_shape(dtype, shape):
    tensor = torch.ones(shape, dtype=torch.float32).to(dtype)
    leaves = flatten(tensor)
    assert described(leaves[""]) == (str(dtype).removeprefix("torch."), shape)
    assert digests(leaves) == digests(held(leaves)) == digests(flatten(tensor.clone()))
    if tensor.numel():
        other = torch.zeros(shape, dtype=torch.float32).to(dtype)
        assert digests(leaves) != digests(flatten(other))


def test_layout_gradient_and_subclass_are_no_content():
    plain = torch.arange(6.0).reshape(2, 3)
    same = [plain, plain.t().contiguous().t(), plain.requires_grad_(), torch.nn.Parameter(plain.detach()),
            (plain + 0j).conj().real, (-plain)._neg_view() if hasattr(plain, "_neg_view") else plain]  # fmt: skip
    assert len({str(digests(flatten(tensor))) for tensor in same}) == 1


def test_a_tensor_and_its_array_are_the_same():
    tensor = torch.arange(6, dtype=torch.int32)
    assert digests(flatten(tensor)) == digests(flatten(tensor.numpy()))


LAYOUTS = {
    "coo": lambda: torch.eye(3).to_sparse(),
    "csr": lambda: torch.eye(3).to_sparse_csr(),
    "csc": lambda: torch.eye(4).to_sparse_csc(),
    "bsr": lambda: torch.eye(4).to_sparse_bsr((2, 2)),
    "per-tensor": lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 2, torch.qint8),
    "per-channel": lambda: torch.quantize_per_channel(torch.ones(3, 2), torch.ones(3), torch.zeros(3), 0, torch.quint8),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
}


@pytest.mark.parametrize("build", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.filterwarnings("ignore")
def test_other_layouts_are_taken_apart(build):
    tensor = build()
    leaves = flatten(tensor)
    assert len(leaves) > 2
    assert digests(leaves) == digests(flatten(build()))


@pytest.mark.filterwarnings("ignore")
def test_the_scale_of_a_quantised_tensor_is_content():
    one, two = (torch.quantize_per_tensor(torch.ones(3) * scale, scale, 0, torch.qint8) for scale in (0.1, 0.2))
    assert torch.equal(one.int_repr(), two.int_repr())
    found = difference(flatten(one), flatten(two))
    assert found is not None
    assert found.where == "scale"


def test_a_tensor_without_elements_in_memory_is_refused():
    with pytest.raises(ReprokitError, match="meta") as caught:
        flatten({"w": torch.zeros(3, device="meta")})
    assert caught.value.code == "RPK071"


def trained():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.Adam(model.parameters())
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    model(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    scheduler.step()
    return model, optimizer, scheduler


def test_models_optimizers_and_schedulers_by_their_states():
    model, optimizer, scheduler = trained()
    assert set(flatten(model)) == {"", *model.state_dict()}
    assert {"state/0/exp_avg", "param_groups/0/lr"} <= set(flatten(optimizer))
    assert "last_epoch" in flatten(scheduler)
    again = trained()
    for one, two in zip((model, optimizer, scheduler), again, strict=True):
        assert digests(flatten(one)) == digests(flatten(two))
    with torch.no_grad():
        again[0][0].weight[1, 2] += 1e-7
    found = difference(flatten(model), flatten(again[0]))
    assert found is not None
    assert (found.where, found.index) == ("0.weight", (1, 2))


@pytest.mark.parametrize("name", ["OneCycleLR", "CosineAnnealingLR", "ReduceLROnPlateau", "LambdaLR", "SequentialLR"])
def test_schedulers_of_all_kinds(name):
    _, optimizer, _ = trained()
    kind = getattr(torch.optim.lr_scheduler, name)
    arguments = {"OneCycleLR": (0.1, 10), "CosineAnnealingLR": (3,), "ReduceLROnPlateau": (), "LambdaLR": (len,)}
    if name == "LambdaLR":
        scheduler = kind(optimizer, lambda step: 0.9**step)
    elif name == "SequentialLR":
        inner = [torch.optim.lr_scheduler.ConstantLR(optimizer), torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)]
        scheduler = kind(optimizer, inner, [2])
    else:
        scheduler = kind(optimizer, *arguments[name])
    before = digests(flatten(scheduler))
    assert before == digests(flatten(scheduler))


def test_generators_scalers_and_names():
    generator = torch.Generator().manual_seed(1)
    before = digests(flatten(generator))
    torch.rand(1, generator=generator)
    assert before != digests(flatten(generator))
    assert "scale" in flatten(torch.amp.GradScaler("cpu"))
    assert digests(flatten(torch.float32)) != digests(flatten(torch.float64))
    assert list(flatten(torch.Size([2, 3]))) == ["", "0", "1"]


@pytest.mark.slow
@pytest.mark.parametrize("together", [False, True])
def test_what_a_metric_gathered_is_its_content(together):
    """It is in no `state_dict`: every two metrics of a class were equal."""
    torchmetrics = pytest.importorskip("torchmetrics", reason="needs the extra `lightning`")

    def measured(value):
        metric = torchmetrics.MeanMetric()
        metric.update(torch.tensor([value, 1.0]))
        return torchmetrics.MetricCollection({"mean": metric, "all": torchmetrics.CatMetric()}) if together else metric

    assert digests(flatten(measured(1.0))) == digests(flatten(measured(1.0)))
    where = "mean/mean_value" if together else "mean_value"
    assert difference(flatten(measured(1.0)), flatten(measured(2.0))).where == where
