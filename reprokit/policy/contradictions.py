"""Pairs of switches of which one undoes what the other is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_KERNELS = "kernels chosen by timing differ from run to run"
_TWO_WAYS = "PyTorch refuses a mix of its two interfaces to TensorFloat-32"

_RULES: tuple[tuple[str, tuple[Any, ...], str, tuple[Any, ...], str], ...] = (
    ("torch.cudnn.benchmark", (True,), "torch.cudnn.deterministic", (True,), _NO_KERNELS),
    ("torch.cudnn.benchmark", (True,), "torch.deterministic_algorithms", ("warn", "strict"), _NO_KERNELS),
    ("torch.inductor.batch_invariant", (True,), "torch.inductor.deterministic", (False,),
     "batch invariance implies the deterministic mode"),
    ("torch.inductor.deterministic", (False,), "torch.deterministic_algorithms", ("warn", "strict"),
     "deterministic algorithms turn the compiler's deterministic mode on"),
    ("torch.cuda.matmul.allow_tf32", (True,), "torch.float32_matmul_precision", ("highest",),
     "the highest precision excludes TensorFloat-32"),
    ("torch.cuda.matmul.allow_tf32", (False,), "torch.float32_matmul_precision", ("high", "medium"),
     "these precisions use TensorFloat-32"),
    ("torch.cuda.matmul.allow_tf32", (True, False), "torch.cuda.matmul.fp32_precision", ("ieee", "tf32"), _TWO_WAYS),
    ("torch.cudnn.allow_tf32", (True, False), "torch.cudnn.conv.fp32_precision", ("ieee", "tf32"), _TWO_WAYS),
    ("torch.float32_matmul_precision", ("highest", "high", "medium"), "torch.cuda.matmul.fp32_precision",
     ("ieee", "tf32"), _TWO_WAYS),
    ("tensorflow.deterministic_ops", (False,), "tensorflow.op_determinism", (True,), "both stand for the same mode"),
    ("tensorflow.deterministic_ops", (True,), "tensorflow.op_determinism", (False,), "both stand for the same mode"),
)  # fmt: skip


def contradictions(switches: Mapping[str, Any]) -> list[str]:
    """Every contradiction among switches, in a sentence each.

    >>> contradictions({"tensorflow.deterministic_ops": False, "tensorflow.op_determinism": True})
    ['tensorflow.deterministic_ops = false and tensorflow.op_determinism = true (both stand for the same mode)']
    """
    found = [
        f"{a} = {_text(switches[a])} and {b} = {_text(switches[b])} ({why})"
        for a, values_a, b, values_b, why in _RULES
        if _is_one(switches.get(a), values_a) and _is_one(switches.get(b), values_b)
    ]
    workspace = str(switches.get("cublas.workspace", ":4096:8"))
    if workspace not in (":4096:8", ":16:8") and switches.get("torch.deterministic_algorithms") in ("warn", "strict"):
        found.append(
            f"cublas.workspace = {workspace} and torch.deterministic_algorithms = "
            f"{_text(switches['torch.deterministic_algorithms'])} (it takes :4096:8 or :16:8)"
        )
    return found


def _is_one(value: Any, values: tuple[Any, ...]) -> bool:
    return any(type(value) is type(one) and value == one for one in values)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
