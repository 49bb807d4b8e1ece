"""Names the leaves of what a function takes and gives, and says which outputs are new versions of which inputs."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.frameworks.jax.arrays import LeafDigester

_STATE_OF_OPTIMIZER = re.compile(r"(^|[^a-z])_?(opt|optim|optimizer|optstate|tx)([^a-z]|$)", re.IGNORECASE)
_LOSS = re.compile(r"loss|cost|objective|nll|elbo", re.IGNORECASE)
_FLOATS = ("float", "bfloat", "complex")


@dataclass
class Leaves:
    """The leaves of arguments or outputs, in JAX's order, with the structure that they hang on."""

    values: list[Any]
    tree: Any


@dataclass
class Call:
    """What is known of one shape of call: names of inputs and outputs, and how they correspond.

    Attributes:
        inputs: the names of the input leaves.
        groups: for each input leaf, which argument it belongs to.
        outputs: the names of the output leaves.
        pairs: output leaf -> the input leaf of which it is the new version.
        mirrored: output leaf -> the input leaf whose gradient (or new version) it is by shape.
        loss: the output leaf that is the loss, or -1.
    """

    inputs: list[str]
    groups: list[str]
    outputs: list[str] = field(default_factory=list)
    pairs: dict[int, int] = field(default_factory=dict)
    mirrored: dict[int, int] = field(default_factory=dict)
    loss: int = -1


def flatten(jax: Any, value: Any) -> Leaves:
    """The leaves of a pytree; ``None`` is no leaf."""
    values, tree = jax.tree_util.tree_flatten(value)
    return Leaves(values, tree)


def name_inputs(jax: Any, function: Any, args: Any, kwargs: Any) -> Call:
    """Names every input leaf by its argument and its path: ``params['w']``."""
    try:
        names = [
            name
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        names = []
    inputs, groups = [], []
    given = [(names[i] if i < len(names) else f"argument {i}", value) for i, value in enumerate(args)]
    for name, value in [*given, *sorted(kwargs.items())]:
        for path in _paths(jax, value):
            inputs.append(f"{name}{path}")
            groups.append(name)
    return Call(inputs, groups)


def name_outputs(jax: Any, outputs: Any) -> list[str]:
    """Names every output leaf by its path: ``output[1]['w']``."""
    return [f"output{path}" for path in _paths(jax, outputs)]


def _paths(jax: Any, value: Any) -> list[str]:
    keystr = jax.tree_util.keystr
    return [keystr(path) for path, _ in jax.tree_util.tree_flatten_with_path(value)[0]]


def shape_of(leaf: Any) -> tuple[Any, Any]:
    """Shape and dtype of a leaf; (None, None) of what has none."""
    return (getattr(leaf, "shape", None), str(leaf.dtype)) if hasattr(leaf, "dtype") else (None, None)


def is_float(leaf: Any) -> bool:
    """Whether a leaf holds real or complex numbers."""
    return hasattr(leaf, "dtype") and str(leaf.dtype).startswith(_FLOATS)


def mirror(
    call: Call, inputs: list[tuple[Any, Any]], outputs: list[tuple[Any, Any]], *, gradients: bool
) -> dict[int, int]:
    """Finds each argument of floats again among the outputs, by the shapes and dtypes of its leaves in order.

    An argument that is a single number is looked for only where no other argument was found: a loss has its shape too.
    Gradients stand behind a loss, so the last place that fits is theirs; elsewhere it is the first.

    Returns:
        Output leaf -> input leaf.
    """
    arguments: dict[str, list[int]] = {}
    for index, group in enumerate(call.groups):
        arguments.setdefault(group, []).append(index)
    found: dict[int, int] = {}
    for small in (False, True):
        if small and found:
            break
        for indices in arguments.values():
            wanted = [inputs[i] for i in indices]
            if not any(str(dtype).startswith(_FLOATS) for _, dtype in wanted):
                continue
            if small is not all(shape in ((), None) for shape, _ in wanted):
                continue
            free = [output if index not in found else (None, "") for index, output in enumerate(outputs)]
            at = _run(free, wanted, last=gradients)
            if at >= 0:
                found.update({at + offset: index for offset, index in enumerate(indices)})
    return found


def _run(outputs: list[tuple[Any, Any]], wanted: list[tuple[Any, Any]], *, last: bool) -> int:
    """Where a run of the wanted shapes begins, or -1. A number of Python's fits all: JAX makes it an array."""
    width = len(wanted)
    places = range(len(outputs) - width + 1)
    for at in reversed(places) if last else places:
        pairs = zip(wanted, outputs[at : at + width], strict=True)
        if all(one in (other, (None, None)) for one, other in pairs):
            return at
    return -1


def correspond(
    jax: Any, digester: LeafDigester, call: Call, inputs: list[tuple[Any, Any]], outputs: Any, leaves: list[Any],
    *, gradients: bool,
) -> None:  # fmt: skip
    """Names the outputs of a call, and finds the inputs and the loss among them.

    Args:
        jax: the module.
        digester: knows arrays.
        call: is filled in.
        inputs: shape and dtype of each input leaf.
        outputs: what the call gave.
        leaves: its leaves.
        gradients: the function takes gradients.
    """
    if len(call.outputs) != len(leaves):
        call.outputs = name_outputs(jax, outputs)
        call.mirrored = mirror(call, inputs, [shape_of(leaf) for leaf in leaves], gradients=gradients)
    if not call.pairs or call.loss < 0:
        call.loss = find_loss(call.outputs, leaves, call.pairs or call.mirrored, digester)


def find_loss(names: list[str], outputs: list[Any], taken: dict[int, int], digester: LeafDigester) -> int:
    """The output that is the loss: a single real number that is no state; one that is called so before others."""
    single = [
        index
        for index, leaf in enumerate(outputs)
        if index not in taken
        and digester.is_array(leaf)
        and leaf.shape == ()
        and str(leaf.dtype).startswith(("float", "bfloat"))
    ]
    return next((index for index in single if _LOSS.search(names[index])), single[0] if single else -1)


def part_of(name: str, dtype: str) -> str:
    """The part of the step that a piece of state belongs to."""
    if dtype.startswith("key<"):
        return "rng"
    return "optimizer" if _STATE_OF_OPTIMIZER.search(name) else "parameters"
