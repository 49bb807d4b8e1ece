"""Switches of the numerical libraries below the frameworks: threads, instruction sets, workspaces, collectives."""

from __future__ import annotations

from reprokit.policy.switch import Switch
from reprokit.policy.values import Text, Whole

_THREADS = "with fewer threads: up to proportionally slower"
_ISA = "kernels of an older instruction set: slower, often by a factor of two and more"
_MKL = "https://www.intel.com/content/www/us/en/docs/onemkl/developer-guide-linux/2025-2/"


def _threads(name: str, variable: str, library: str, source: str) -> Switch:
    return Switch(
        f"{name}.num_threads", Whole(1, 1 << 16), "variable",
        f"{library} splits sums over this many threads; another number gives other bits",
        _THREADS, source, devices=("cpu",), variable=variable,
    )  # fmt: skip


THREADS: tuple[Switch, ...] = (
    _threads("omp", "OMP_NUM_THREADS", "OpenMP (PyTorch, XGBoost, LightGBM, scikit-learn)",
             "https://www.openmp.org/spec-html/5.0/openmpse50.html"),
    _threads("mkl", "MKL_NUM_THREADS", "Intel MKL",
             _MKL + "onemkl-specific-environment-vars-for-openmp-thread-ctrl.html"),
    _threads("openblas", "OPENBLAS_NUM_THREADS", "OpenBLAS (NumPy, SciPy)",
             "https://github.com/OpenMathLib/OpenBLAS#setting-the-number-of-threads-using-environment-variables"),
    _threads("numexpr", "NUMEXPR_NUM_THREADS", "NumExpr",
             "https://numexpr.readthedocs.io/en/latest/user_guide.html#threadpool-configuration"),
)  # fmt: skip
"""Numbers of threads of the libraries."""

LIBRARIES: tuple[Switch, ...] = (
    *THREADS,
    Switch(
        "mkl.cbwr",
        Text(r"(?i)(COMPATIBLE|SSE2|SSSE3|SSE4_1|SSE4_2|AVX|AVX2|AVX512|AVX512_E1|AUTO|OFF)(,STRICT)?",
             "a branch such as COMPATIBLE, AVX2 or AUTO, and optionally ,STRICT"),
        "variable",
        "MKL computes the same bits whatever the alignment of the data, and with a named branch on every processor "
        "that has it",
        _ISA, _MKL + "obtaining-numerically-reproducible-results.html", "MKL 11.0", devices=("cpu",),
        variable="MKL_CBWR",
    ),
    Switch(
        "onednn.max_cpu_isa",
        Text(r"(?i)(DEFAULT|ALL|SSE41|AVX|AVX2|AVX2_VNNI|AVX2_VNNI_2|AVX512_[A-Z0-9_]+|AVX10_[A-Z0-9_]+)",
             "an instruction set such as AVX2 or ALL"),
        "variable", "oneDNN uses no later instruction set, so that processors compute alike",
        _ISA, "https://uxlfoundation.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html", "oneDNN 1.2",
        ("torch", "tensorflow"), ("cpu",), "ONEDNN_MAX_CPU_ISA",
    ),
    Switch(
        "cublas.workspace", Text(r"(:[0-9]+:[0-9]+)+", ":4096:8 or :16:8"), "variable",
        "cuBLAS takes fixed workspaces, so its reductions repeat",
        "24 MiB of GPU memory with :4096:8; :16:8 may be slower",
        "https://docs.nvidia.com/cuda/cublas/#results-reproducibility", "CUDA 10.2", ("torch", "tensorflow", "jax"),
        ("cuda",), "CUBLAS_WORKSPACE_CONFIG", (":4096:8", ":16:8"),
    ),
    Switch(
        "nccl.algo", Text(r"[A-Za-z,;:^]+", "Ring, Tree, CollnetDirect, CollnetChain, NVLS, NVLSTree or PAT"),
        "variable",
        "NCCL adds up in one order instead of choosing an algorithm by size and topology",
        "collectives may be slower than with the algorithm that NCCL would choose",
        "https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/env.html#nccl-algo", "NCCL 2.2", ("torch",),
        ("cuda",), "NCCL_ALGO",
    ),
    Switch(
        "nccl.proto", Text(r"[A-Za-z0-9,;:^]+", "LL, LL128 or Simple"), "variable",
        "NCCL splits messages in one way instead of choosing a protocol",
        "collectives may be slower", "https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/env.html#nccl-proto",
        "NCCL 2.2", ("torch",), ("cuda",), "NCCL_PROTO",
    ),
)  # fmt: skip
"""Switches that several frameworks share."""
