"""PyTorch: the lists on the page of `torch.use_deterministic_algorithms`, version by version.

Read for this table: the pages of 1.8, 1.11, 1.13, 2.1, 2.2, 2.6, 2.7 and 2.14 and the docstring of 2.13 (a test holds
the table
against the docstring of the installed version). Where an operation moved from one list to the other between two of
these,
the table takes the version after the last page that still had it in the old list; such entries say so.
"""

from __future__ import annotations

from reprokit.lint.hazards import Hazard, Status

_MODE = "https://docs.pytorch.org/docs/{}/generated/torch.use_deterministic_algorithms.html"
SOURCE = _MODE.format("stable")
_ALTERNATIVE, _RAISES = Status.ALTERNATIVE, Status.RAISES
_FIRST = (1, 8)
_BACKWARD = "in the backward pass, where its gradient is accumulated with atomic additions"


def _alternative(name: str, condition: str, *calls: str, since: tuple[int, ...] = _FIRST, **given: object) -> Hazard:
    return Hazard(name, condition, ((since, _ALTERNATIVE),), calls, source=SOURCE, **given)  # type: ignore[arg-type]


def _raises(name: str, condition: str, *calls: str, since: tuple[int, ...] = _FIRST, **given: object) -> Hazard:
    return Hazard(name, condition, ((since, _RAISES),), calls, source=SOURCE, **given)  # type: ignore[arg-type]


def _nn(*names: str) -> tuple[str, ...]:
    return tuple(f"torch.nn.{name}" for name in names)


def _f(*names: str) -> tuple[str, ...]:
    return tuple(f"torch.nn.functional.{name}" for name in names)


def _moved(name: str, condition: str, at: tuple[int, ...], *calls: str) -> Hazard:
    """Raised before a version, and has a deterministic kernel since."""
    return Hazard(name, condition, ((_FIRST, _RAISES), (at, _ALTERNATIVE)), calls, source=SOURCE)


TORCH: tuple[Hazard, ...] = (
    *(
        _alternative(
            f"torch.nn.{name}", "cuDNN may choose an algorithm with atomic additions", *_nn(name),
            *_f(name.replace("ConvTranspose",
            "conv_transpose").lower()), common=True, settled_by=("cudnn-deterministic",),
            remedy="Set torch.backends.cudnn.deterministic = True, or call torch.use_deterministic_algorithms(True).",
        )
        for name in ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d")
    ),
    # 1d and 3d: still in the raising list in 2.7, among the deterministic ones in 2.13.
    _moved("torch.nn.ReplicationPad1d", _BACKWARD, (2, 8), *_nn("ReplicationPad1d")),
    _moved("torch.nn.ReplicationPad2d", _BACKWARD, (2, 2), *_nn("ReplicationPad2d")),
    _moved("torch.nn.ReplicationPad3d", _BACKWARD, (2, 8), *_nn("ReplicationPad3d")),
    _alternative("torch.bmm", "for a sparse-dense product", "torch.bmm", arguments=(("input", ()),)),
    _alternative(
        "torch.Tensor.index_put_", "with accumulate=False, where a place occurs twice",
        since=(1, 11), devices=("cpu", "cuda"),
        methods=("index_put_", "index_put"), own_methods=("index_put_", "index_put"),
        arguments=(("accumulate", (None, False)),), positions=(("accumulate", 2),),
        remedy="Pass accumulate=True to add up, make the indices unique, or turn deterministic algorithms on.",
    ),
    _alternative(
        "torch.Tensor.index_put_", "with accumulate=True on a CPU tensor", devices=("cpu",),
        methods=("index_put_", "index_put"), own_methods=("index_put_", "index_put"),
        arguments=(("accumulate", (True,)),), positions=(("accumulate", 2),),
    ),
    _alternative(
        "torch.Tensor.put_", "with accumulate=True on a CPU tensor", since=(1, 9), devices=("cpu",), methods=("put_",),
        own_methods=("put_",), arguments=(("accumulate", (True,)),), positions=(("accumulate", 2),),
    ),
    _raises(
        "torch.Tensor.put_", "with accumulate=False, where a place occurs twice", since=(1, 9), devices=("cpu", "cuda"),
        methods=("put_",), own_methods=("put_",), arguments=(("accumulate",
        (None, False)),), positions=(("accumulate", 2),),
    ),
    Hazard(
        "torch.Tensor.scatter_add_", "where an index occurs twice, in the order of atomic additions",
        ((_FIRST, _RAISES), ((1, 11), _ALTERNATIVE)), ("torch.scatter_add",), ("scatter_add_", "scatter_add"),
        ("scatter_add_", "scatter_add"), source=SOURCE,
        remedy="Call torch.use_deterministic_algorithms(True); before 2.1 only one-dimensional input has that kernel.",
    ),
    _alternative(
        "torch.gather", "when its input requires a gradient", "torch.gather",
        since=(1, 9), methods=("gather",), common=True
    ),
    _alternative(
        "torch.index_add", "in the order of atomic additions", "torch.index_add", since=(1, 9),
        methods=("index_add_", "index_add"), own_methods=("index_add_", "index_add"),
    ),
    _alternative(
        "torch.index_select", "in the backward pass", "torch.index_select",
        since=(1, 9), methods=("index_select",), common=True
    ),
    _alternative(
        "torch.repeat_interleave", "in the backward pass", "torch.repeat_interleave", since=(1, 9),
        methods=("repeat_interleave",), own_methods=("repeat_interleave",), common=True,
    ),
    _alternative(
        "torch.Tensor.index_copy_", "where an index occurs twice", "torch.index_copy", since=(1, 9), devices=("cpu",
        "cuda"),
        methods=("index_copy_", "index_copy"), own_methods=("index_copy_", "index_copy"),
    ),
    _alternative(
        "torch.Tensor.scatter_", "where an index occurs twice and src is a tensor", "torch.scatter", since=(2, 1),
        methods=("scatter_", "scatter"), own_methods=("scatter_",), arguments=(("src", (...,)),), positions=(("src",
        2),),
    ),
    _alternative(
        "torch.Tensor.scatter_reduce_", "with reduce='sum' or 'mean', where an index occurs twice",
        "torch.scatter_reduce",
        since=(2, 1), methods=("scatter_reduce_", "scatter_reduce"), own_methods=("scatter_reduce_", "scatter_reduce"),
        arguments=(("reduce", ("sum", "mean")),), positions=(("reduce", 3),),
    ),
    _raises(
        "torch.Tensor.scatter_reduce_", "with reduce='prod', where an index occurs twice", "torch.scatter_reduce",
        since=(2, 1), methods=("scatter_reduce_", "scatter_reduce"), own_methods=("scatter_reduce_", "scatter_reduce"),
        arguments=(("reduce", ("prod",)),), positions=(("reduce", 3),),
    ),
    # Not among the deterministic ones in 2.7, there in 2.13.
    _moved("torch.nn.MaxPool3d", _BACKWARD, (2, 8), *_nn("MaxPool3d"), *_f("max_pool3d")),
    _raises("torch.nn.AvgPool3d", _BACKWARD, *_nn("AvgPool3d"), *_f("avg_pool3d")),
    _raises("torch.nn.AdaptiveAvgPool2d", _BACKWARD, *_nn("AdaptiveAvgPool2d"), *_f("adaptive_avg_pool2d"),
            remedy="For a size of 1, use x.mean((2, 3), keepdim=True)."),
    _raises("torch.nn.AdaptiveAvgPool3d", _BACKWARD, *_nn("AdaptiveAvgPool3d"), *_f("adaptive_avg_pool3d")),
    _raises("torch.nn.AdaptiveMaxPool2d", _BACKWARD, *_nn("AdaptiveMaxPool2d"), *_f("adaptive_max_pool2d")),
    _raises("torch.nn.FractionalMaxPool2d", _BACKWARD, *_nn("FractionalMaxPool2d"), *_f("fractional_max_pool2d")),
    _raises("torch.nn.FractionalMaxPool3d", _BACKWARD, *_nn("FractionalMaxPool3d"), *_f("fractional_max_pool3d")),
    *(
        _raises(f"torch.nn.MaxUnpool{n}d", "where two indices name one place", *_nn(f"MaxUnpool{n}d"),
                *_f(f"max_unpool{n}d"), since=(1, 11), devices=("cpu", "cuda"))
        for n in (1, 2, 3)
    ),
    _raises(
        "torch.nn.functional.interpolate", f"with mode linear, bilinear, bicubic or trilinear {_BACKWARD}",
        *_f("interpolate", "upsample"), *_nn("Upsample"), arguments=(("mode", ("linear", "bilinear", "bicubic",
        "trilinear")),),
        positions=(("mode", 3),), remedy="Use mode='nearest', or resize the data before training.",
    ),
    _raises("torch.nn.functional.interpolate", f"with bilinear interpolation {_BACKWARD}", *_nn("UpsamplingBilinear2d"),
            *_f("upsample_bilinear"), remedy="Use mode='nearest', or resize the data before training."),
    *(_raises(f"torch.nn.ReflectionPad{n}d", _BACKWARD, *_nn(f"ReflectionPad{n}d"), since=(1, 11) if n == 3 else _FIRST)
      for n in (1, 2, 3)),
    _raises("torch.nn.functional.pad", f"with mode='reflect' {_BACKWARD}", *_f("pad"), arguments=(("mode",
    ("reflect",)),),
            positions=(("mode", 2),)),
    Hazard("torch.nn.functional.pad", f"with mode='replicate' {_BACKWARD}", ((_FIRST, _RAISES), ((2, 8), _ALTERNATIVE)),
           _f("pad"), arguments=(("mode", ("replicate",)),), positions=(("mode", 2),), source=SOURCE),
    _raises("torch.nn.NLLLoss", "with targets that have spatial dimensions", *_nn("NLLLoss2d")),
    _raises("torch.nn.CTCLoss", _BACKWARD, *_nn("CTCLoss"), *_f("ctc_loss")),
    _raises("torch.nn.EmbeddingBag", f"with mode='max' {_BACKWARD}", *_nn("EmbeddingBag"), *_f("embedding_bag"),
            arguments=(("mode", ("max",)),)),
    _alternative("torch.nn.Embedding", _BACKWARD, *_nn("Embedding"), *_f("embedding"), since=(2, 14), common=True),
    _raises("torch.histc", "in the order of atomic additions", "torch.histc",
    methods=("histc",), own_methods=("histc",)),
    _raises("torch.bincount", "with weights, in the order of atomic additions", "torch.bincount", methods=("bincount",),
            arguments=(("weights", (...,)),), positions=(("weights", 1),)),
    _raises("torch.median", "with a dimension: which of several equal values' index it gives", "torch.median",
            "torch.nanmedian", methods=("median", "nanmedian"), arguments=(("dim", (...,)),), positions=(("dim", 1),)),
    _raises("torch.kthvalue", "which of several equal values' index it gives", "torch.kthvalue", methods=("kthvalue",),
            own_methods=("kthvalue",)),
    _raises("torch.nn.functional.grid_sample", _BACKWARD, *_f("grid_sample")),
    _raises("torch.cumsum", "of floating-point or complex numbers", "torch.cumsum",
    since=(1, 12), methods=("cumsum", "cumsum_"),
            own_methods=("cumsum_",), remedy="Run it on the CPU, or sum in float64 and round."),
    _raises("torch.Tensor.resize_", "of a quantized tensor", since=(2, 1), methods=()),
)  # fmt: skip
"""Every entry of the two lists. `torch.Tensor.__getitem__` stands in `checks/indexing.py`; writing by index too."""
