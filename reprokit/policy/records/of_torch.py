"""Switches of PyTorch."""

from __future__ import annotations

from reprokit.policy.switch import Switch
from reprokit.policy.values import Flag, OneOf, SetOf, Whole

_NOTES = "https://docs.pytorch.org/docs/stable/notes/randomness.html"
_NUMERICS = "https://docs.pytorch.org/docs/stable/notes/cuda.html"
_BACKENDS = "https://docs.pytorch.org/docs/stable/backends.html"
_PRECISE = "matrix products on Ampere and later GPUs are up to 7 times slower than with TensorFloat-32"
_SUMS = "half-precision matrix products may be slower"
_FREE = "none"
_GPU = ("cuda",)
_OWN = ("torch",)

TORCH: tuple[Switch, ...] = (
    Switch(
        "torch.seed", Whole(None), "seed", "seeds the generators of all devices (`torch.manual_seed`)",
        _FREE, _NOTES, frameworks=_OWN,
    ),
    Switch(
        "torch.deterministic_algorithms", OneOf(("off", "warn", "strict"), {"false": "off", "true": "strict"}), "call",
        "operations use a deterministic kernel where there is one; where there is none, `warn` warns and `strict` "
        "raises",
        "some operations are slower: scatter and index operations, pooling and interpolation backward on CUDA",
        "https://docs.pytorch.org/docs/stable/generated/torch.use_deterministic_algorithms.html",
        "torch 1.8 (warn: 1.11)", _OWN, order=("off", "warn", "strict"),
    ),
    Switch(
        "torch.fill_uninitialized_memory", Flag(), "call",
        "`torch.empty()` returns known values, where deterministic algorithms are on",
        "each new tensor is written once more", "https://docs.pytorch.org/docs/stable/deterministic.html", "torch 2.2",
        _OWN, order=(False, True),
    ),
    Switch(
        "torch.cudnn.benchmark", Flag(), "call", "off: cuDNN does not choose kernels by timing them",
        "convolutions with fixed shapes may be slower than with the fastest kernel", _NOTES, "torch 0.2", _OWN, _GPU,
        order=(True, False),
    ),
    Switch(
        "torch.cudnn.deterministic", Flag(), "call", "cuDNN uses deterministic kernels", "some convolutions are slower",
        _NOTES, "torch 0.3", _OWN, _GPU, order=(False, True),
    ),
    Switch(
        "torch.float32_matmul_precision", OneOf(("highest", "high", "medium")), "call",
        "highest: products of float32 matrices are computed in float32",
        _PRECISE, "https://docs.pytorch.org/docs/stable/generated/torch.set_float32_matmul_precision.html",
        "torch 1.12", _OWN, order=("medium", "high", "highest"),
    ),
    Switch(
        "torch.cuda.matmul.allow_tf32", Flag(), "call", "off: matrix products do not use TensorFloat-32", _PRECISE,
        _NUMERICS, "torch 1.7", _OWN, _GPU, order=(True, False),
    ),
    Switch(
        "torch.cudnn.allow_tf32", Flag(), "call", "off: convolutions do not use TensorFloat-32",
        "convolutions on Ampere and later GPUs are slower", _NUMERICS, "torch 1.7", _OWN, _GPU, order=(True, False),
    ),
    Switch(
        "torch.cuda.matmul.fp32_precision", OneOf(("none", "ieee", "tf32")), "call",
        "ieee: as `allow_tf32` off, through the interface that replaces it; a script should use only one of the two",
        _PRECISE, _NUMERICS, "torch 2.9", _OWN, _GPU,
    ),
    Switch(
        "torch.cudnn.conv.fp32_precision", OneOf(("none", "ieee", "tf32")), "call",
        "ieee: convolutions do not use TensorFloat-32", _PRECISE, _NUMERICS, "torch 2.9", _OWN, _GPU,
    ),
    Switch(
        "torch.mkldnn.matmul.fp32_precision", OneOf(("none", "ieee", "tf32", "bf16")), "call",
        "ieee: oneDNN does not round float32 products to bfloat16", "none on processors without AMX", _BACKENDS,
        "torch 2.9", _OWN, ("cpu",),
    ),
    *(
        Switch(
            f"torch.cuda.matmul.allow_{kind}_reduced_precision_reduction", Flag(), "call",
            f"off: sums of {kind} products are not rounded in between", _SUMS, _NUMERICS, since, _OWN, _GPU,
            order=(True, False),
        )
        for kind, since in (("fp16", "torch 1.8"), ("bf16", "torch 1.12"))
    ),
    Switch(
        "torch.cuda.matmul.allow_fp16_accumulation", Flag(), "call", "off: fp16 products are summed in float32", _SUMS,
        _NUMERICS, "torch 2.7", _OWN, _GPU, order=(True, False),
    ),
    Switch(
        "torch.sdpa", SetOf(("flash", "mem_efficient", "cudnn", "math")), "call",
        "attention chooses among these kernels only; `math` alone repeats and does not depend on shapes",
        "`math` is several times slower and takes memory that grows with the square of the length",
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.attention.sdpa_kernel.html", "torch 2.0", _OWN,
    ),
    Switch(
        "torch.num_threads", Whole(1, 1 << 16), "call",
        "operations are split over this many threads; another number gives other bits",
        "with fewer threads: up to proportionally slower",
        "https://docs.pytorch.org/docs/stable/generated/torch.set_num_threads.html", "torch 0.1", _OWN, ("cpu",),
    ),
    Switch(
        "torch.num_interop_threads", Whole(1, 1 << 16), "call", "this many operations of a script run side by side",
        "only programs that fork tasks are slower with fewer",
        "https://docs.pytorch.org/docs/stable/generated/torch.set_num_interop_threads.html", "torch 1.2", _OWN,
        ("cpu",),
    ),
    Switch(
        "torch.dataloader_generators", OneOf(("global", "own")), "call",
        "own: each DataLoader without a generator gets one of its own, seeded from the run's seed, so that order and "
        "worker seeds do not depend on what else was drawn. It changes the order of a seeded script",
        _FREE, "https://docs.pytorch.org/docs/stable/notes/randomness.html#dataloader", "torch 1.6", _OWN,
        order=("global", "own"),
    ),
    Switch(
        "torch.aten_cpu_capability", OneOf(("default", "avx2", "avx512")), "variable",
        "ATen uses no later instruction set, so that processors compute alike",
        "`default` is several times slower", "https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native/"
        "DispatchStub.cpp", "torch 1.0", _OWN, ("cpu",), "ATEN_CPU_CAPABILITY",
    ),
    Switch(
        "torch.inductor.deterministic", Flag(), "variable",
        "compiled code chooses kernels without timing them on the device",
        "compiled code may miss the fastest kernel; `torch.deterministic_algorithms` turns it on as well",
        "https://github.com/pytorch/pytorch/blob/v2.13.0/torch/_inductor/config.py", "torch 2.10", _OWN,
        variable="TORCHINDUCTOR_DETERMINISTIC", order=(False, True),
    ),
    Switch(
        "torch.inductor.batch_invariant", Flag(), "variable",
        "compiled code gives each sample the same bits in a batch of any size",
        "reductions are not split, which is slower for small batches",
        "https://github.com/pytorch/pytorch/blob/v2.13.0/torch/_inductor/config.py", "torch 2.13", _OWN,
        variable="TORCHINDUCTOR_BATCH_INVARIANT", order=(False, True),
    ),
)  # fmt: skip
"""Switches of PyTorch; those with ``call`` are set in `reprokit.frameworks.torch.switches`."""
