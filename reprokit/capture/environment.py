"""Which environment variables a bundle keeps: those on a list of what changes numbers or behaviour, never secrets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from reprokit.capture.secrets import scrub, secret_name, secret_value

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: Patterns of variables that are recorded. Sources: the "environment variables" pages of the projects named.
ALLOWED: tuple[str, ...] = (
    # threads and linear algebra: OpenMP, MKL, OpenBLAS, BLIS, Accelerate, numexpr, oneDNN, NumPy, numba
    *("OMP_*", "GOMP_*", "KMP_*", "MKL_*", "OPENBLAS_*", "GOTO_*", "BLIS_*", "VECLIB_*", "NUMEXPR_*", "ONEDNN_*"),
    *("DNNL_*", "NPY_*", "NUMPY_*", "NUMBA_*", "LOKY_*", "JOBLIB_*", "SKLEARN_*", "GLIBC_TUNABLES", "MALLOC_*"),
    *("SCIPY_*", "POLARS_*", "ARROW_*", "TBB_*"),
    # the interpreter
    "PYTHON*",
    # accelerators
    *("CUDA_*", "CUBLAS_*", "CUBLASLT_*", "CUDNN_*", "NVIDIA_*", "NCCL_*", "HIP_*", "ROCR_*", "ROCBLAS_*", "MIOPEN_*"),
    *("HSA_*", "RCCL_*", "TRITON_*", "GPU_*", "SYCL_*", "ZE_*"),
    # frameworks
    *("TORCH*", "PYTORCH_*", "ATEN_*", "AOT_*", "TF_*", "XLA_*", "JAX_*", "KERAS_*", "TPU_*", "LIBTPU_*", "FLAX_*"),
    *("ACCELERATE_*", "FSDP_*", "DEEPSPEED_*", "PL_*", "LIGHTNING_*", "HF_*_OFFLINE", "HF_HUB_*", "HF_DATASETS_*"),
    *("HF_HOME", "TRANSFORMERS_*", "DATASETS_*", "TOKENIZERS_*", "XGBOOST_*", "LIGHTGBM_*", "WANDB_MODE"),
    "WANDB_DISABLED",
    # distributed start
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "NODE_RANK", "MASTER_ADDR"),
    *("MASTER_PORT", "GLOO_*", "OMPI_COMM_WORLD_*", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS", "SLURM_NNODES"),
    *("SLURM_CPUS_PER_TASK",),
    # locale and time
    *("LANG", "LANGUAGE", "LC_*", "TZ", "SOURCE_DATE_EPOCH"),
    # switches that many scripts read
    *("SEED", "RANDOM_SEED", "DETERMINISTIC", "CI"),
)


@dataclass(frozen=True)
class Captured:
    """The environment of a run, as far as a bundle keeps it.

    Attributes:
        values: name to value, in the order of names.
        withheld: names that are on the list and were left out because name or value looks like a secret.
        undecodable: names on the list whose value is not UTF-8 and cannot be written into JSON.
    """

    values: dict[str, str]
    withheld: list[str]
    undecodable: list[str]


def capture_environment(
    environ: Mapping[str, str], extra_names: Collection[str] = (), own_paths: Collection[str] = ()
) -> Captured:
    """Selects the variables that a bundle keeps.

    Args:
        environ: the environment that the command got.
        extra_names: further names or patterns, from the user. Secrets stay out even if named here.
        own_paths: directories that reprokit itself put into `PYTHONPATH`; they are taken out again.
    """
    values: dict[str, str] = {}
    withheld: list[str] = []
    undecodable: list[str] = []
    for name in sorted(environ):
        if not _selected(name, extra_names):
            continue
        value = _without(environ[name], own_paths) if name == "PYTHONPATH" else environ[name]
        if name == "PYTHONPATH" and not value and environ[name]:
            continue
        if secret_name(name) or secret_value(value) or scrub(value)[1]:
            withheld.append(name)
        elif _is_text(name) and _is_text(value):
            values[name] = value
        else:
            undecodable.append(name.encode("utf-8", "backslashreplace").decode())
    return Captured(values, withheld, undecodable)


def _selected(name: str, extra_names: Collection[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in (*ALLOWED, *extra_names))


def _without(value: str, own_paths: Collection[str]) -> str:
    own = {os.path.normpath(path) for path in own_paths}
    return os.pathsep.join(part for part in value.split(os.pathsep) if not part or os.path.normpath(part) not in own)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
