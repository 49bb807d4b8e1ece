"""Switches: assignments and calls that turn determinism off, or that come too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.lint.values import Value

if TYPE_CHECKING:
    import ast

    from reprokit.lint.checks.invocation import Invocation
    from reprokit.lint.walk import Walk

_TF32 = {
    "torch.backends.cuda.matmul.allow_tf32": True, "torch.backends.cudnn.allow_tf32": True,
    "torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction": True,
    "torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction": True,
    "torch.backends.cuda.matmul.fp32_precision": "tf32", "torch.backends.fp32_precision": "tf32",
    "torch.backends.cudnn.conv.fp32_precision": "tf32", "torch.backends.cudnn.rnn.fp32_precision": "tf32",
    "torch.backends.mkldnn.matmul.fp32_precision": "bf16",
}  # fmt: skip
_VARIABLES = {"TF_DETERMINISTIC_OPS": {"0", "false", "False"}, "TF_CUDNN_DETERMINISTIC": {"0", "false"},
              "FLAX_DETERMINISTIC": {"0"}, "TF_CUDNN_USE_AUTOTUNE": {"1"}}  # fmt: skip


def _deterministic(made: Invocation) -> None:
    mode, warn_only = made.argument("mode", 0), made.keywords.get("warn_only")
    if mode is not None and mode.detail is False:
        made.walk.report(
            "RPL031", made.node, "torch.use_deterministic_algorithms(False) allows nondeterministic kernels"
        )
    else:
        warns = warn_only is not None and warn_only.detail is not False
        made.walk.seeds(("torch-warns" if warns else "torch-deterministic",), made.node)


def _debug_mode(made: Invocation) -> None:
    mode = made.argument("debug_mode", 0)
    if mode is not None and mode.detail in {0, "default"}:
        made.walk.report(
            "RPL031", made.node, 'torch.set_deterministic_debug_mode("default") allows nondeterministic kernels'
        )
    elif mode is not None:
        made.walk.seeds(("torch-warns" if mode.detail in {1, "warn"} else "torch-deterministic",), made.node)


def _op_determinism(made: Invocation) -> None:
    made.walk.seeds(("tensorflow-deterministic",), made.node)


def _precision(made: Invocation) -> None:
    level = made.argument("precision", 0)
    if level is not None and level.detail in {"high", "medium"}:
        text = f'torch.set_float32_matmul_precision("{level.detail}") lets matrix products use TF32 or bfloat16'
        made.walk.report("RPL032", made.node, text)


def _putenv(made: Invocation) -> None:
    name, value = made.argument("key", 0), made.argument("value", 1)
    if name is not None and value is not None:
        environment(made.walk, made.node, name, value)


def _update(made: Invocation) -> None:
    for name, value in made.keywords.items():
        environment(made.walk, made.node, Value("str", detail=name), value)


def environment(walk: Walk, node: ast.AST, name: Value, value: Value) -> None:
    """A variable of the environment is set from within the program."""
    if name.detail == "PYTHONHASHSEED":
        text = "PYTHONHASHSEED is set after Python started: it changes nothing in this process, only in those it starts"
        walk.report("RPL033", node, text)
    elif (
        name.detail in {"TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC"}
        and value.detail not in _VARIABLES[name.detail]
    ):
        walk.seeds(("tensorflow-deterministic-variable",), node)
    elif isinstance(name.detail, str) and value.detail in _VARIABLES.get(name.detail, ()):
        walk.report("RPL031", node, f"{name.detail}={value.detail} turns deterministic kernels off")


def assigned(walk: Walk, node: ast.AST, name: str, value: Value) -> None:
    """An attribute of an imported module is set.

    Args:
        walk: the state of the reading.
        node: the assignment.
        name: the dotted name of the attribute.
        value: what is assigned.
    """
    setting = value.detail
    if name == "torch.backends.cudnn.benchmark":
        if setting is True:
            walk.report(
                "RPL030", node, "cudnn.benchmark = True lets cuDNN time its algorithms and take another one in each run"
            )
    elif name == "torch.backends.cudnn.deterministic":
        if setting is False:
            walk.report("RPL031", node, "cudnn.deterministic = False allows nondeterministic convolutions")
        elif setting is True:
            walk.seeds(("cudnn-deterministic",), node)
    elif name == "torch.utils.deterministic.fill_uninitialized_memory" and setting is False:
        walk.report(
            "RPL031", node, "fill_uninitialized_memory = False leaves torch.empty() with whatever was in memory"
        )
    elif name in _TF32 and setting == _TF32[name] and setting is not None:
        walk.report("RPL032", node, f"{name} = {setting!r} trades precision for speed")


def _flags(made: Invocation) -> None:
    for name, rule in (("benchmark", "RPL030"),):
        value = made.keywords.get(name)
        if value is not None and value.detail is True:
            made.walk.report(
                rule, made.node, "cudnn.flags(benchmark=True) lets cuDNN take another algorithm in each run"
            )


def _trainer(made: Invocation) -> None:
    """Lightning's Trainer has switches of its own (its page, `deterministic` and `benchmark`)."""
    made.walk.facts.cuda = True
    benchmark, deterministic = made.keywords.get("benchmark"), made.keywords.get("deterministic")
    if benchmark is not None and benchmark.detail is True:
        text = "Trainer(benchmark=True) lets cuDNN time its algorithms and take another one in each run"
        made.walk.report("RPL030", made.node, text)
    if deterministic is not None and deterministic.detail in {True, "warn"}:
        name = "torch-warns" if deterministic.detail == "warn" else "torch-deterministic"
        made.walk.seeds((name,), made.node)


CALLS = {
    "torch.use_deterministic_algorithms": _deterministic, "torch.set_deterministic": _deterministic,
    "torch.set_deterministic_debug_mode": _debug_mode, "torch.set_float32_matmul_precision": _precision,
    "tensorflow.config.experimental.enable_op_determinism": _op_determinism, "torch.backends.cudnn.flags": _flags,
    "os.putenv": _putenv, "os.environ.setdefault": _putenv, "os.environ.update": _update, "lightning.Trainer": _trainer,
    "lightning.trainer.Trainer": _trainer,
}  # fmt: skip
