"""Reads an optimizer's state as blocks of digests: parameters, gradients, moments, rates."""

from __future__ import annotations

import weakref
from time import perf_counter
from typing import TYPE_CHECKING, Any

from reprokit.frameworks.torch.device_hash import ALGORITHM
from reprokit.frameworks.torch.names import name_parameters
from reprokit.frameworks.torch.tensors import lazy
from reprokit.trace.raw import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.frameworks.torch.tensors import TensorDigester

_NAN = float("nan")

Blocks = list[tuple[int, bytes, str]]
"""Number of the block, its digests, and the part it belongs to."""


def column(key: str, name: str, tensor: Any) -> Column:
    """Describes a tensor; the dtype also says when another hash than the block's was used (on an accelerator).

    Of a tensor that is spread over ranks the shape is the whole one's, and how it is divided stands beside it.
    """
    dtype = str(tensor.dtype).removeprefix("torch.")
    if tensor.device.type not in ("cpu", "meta"):
        dtype += f" {ALGORITHM}"
    if lazy(tensor):
        return Column(key, name, dtype, "not yet known")
    shape = ",".join(map(str, tensor.shape))
    placements = getattr(tensor, "placements", None)
    if isinstance(placements, tuple):  # a DTensor: each rank digests the part that it holds
        shape += f" in {tensor.device_mesh.size()} parts by {', '.join(map(repr, placements))}"
    return Column(key, name, dtype, shape)


class ParameterGroup:
    """A list of tensors that stays the same from step to step: an optimizer's parameters, a model's buffers."""

    def __init__(self, recorder: Any, digester: TensorDigester, entries: list[tuple[str, str, Any]]) -> None:
        self._digester = digester
        self._recorder = recorder
        self.entries = [(key, name) for key, name, _ in entries]  # no tensors: the script may want to free them
        self._columns = tuple(column(key, name, tensor) for key, name, tensor in entries)
        self._slots: dict[str, Any] = {}
        self._numbers: dict[str, int] = {}

    def block(self, part: str, tensors: list[Any]) -> tuple[int, bytes, str]:
        """Digests ``tensors``, one for each entry, as a block of ``part``."""
        slots = self._slots.get(part)
        if slots is None:
            slots = self._slots[part] = self._digester.slots(len(self.entries))
            self._numbers[part] = self._recorder.block(part, self._columns)
        return self._numbers[part], self._digester.digest_all(tensors, slots), part


class OptimizerState:
    """Reads one optimizer. Holds it weakly: a script may delete its optimizer to free memory."""

    def __init__(self, torch: Any, recorder: Any, digester: TensorDigester, optimizer: Any, ordinal: int) -> None:
        self._torch = torch
        self._recorder = recorder
        self._digester = digester
        self._optimizer = weakref.ref(optimizer)
        self.ordinal = ordinal
        self.stepped = False
        self.nbytes = 0
        self._ids: tuple[int, ...] = ()
        self._group: ParameterGroup | None = None
        self._lazy = False
        self._names: dict[int, str] = {}
        self._moment_keys: list[str] = []
        self._moments: ParameterGroup | None = None

    @property
    def alive(self) -> bool:
        """Whether the script still has the optimizer."""
        return self._optimizer() is not None

    @property
    def group(self) -> ParameterGroup | None:
        """What stands for its parameters in the trace; another object when they have changed."""
        return self._group

    def tensors(self) -> list[Any]:
        """Its parameters."""
        optimizer = self._optimizer()
        return [] if optimizer is None else [p for group in optimizer.param_groups for p in group["params"]]

    def _parameters(self, roots: list[Any]) -> tuple[list[Any], ParameterGroup | None]:
        optimizer = self._optimizer()
        if optimizer is None:
            return [], None
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        ids = tuple(map(id, parameters))
        if ids != self._ids or self._group is None or self._lazy:
            self._lazy = any(map(lazy, parameters))
            began = perf_counter()
            self._names = name_parameters(self._torch, optimizer, roots)
            self._recorder.budget.allow(perf_counter() - began)
            entries = []
            for number, group in enumerate(optimizer.param_groups):
                for index, parameter in enumerate(group["params"]):
                    key = f"{self.ordinal}/{number}/{index}"
                    entries.append((key, self._names.get(id(parameter), key), parameter))
            self._group = ParameterGroup(self._recorder, self._digester, entries)
            self._ids = ids
            self.nbytes = sum(p.numel() * p.element_size() for p in parameters if not lazy(p))
        return parameters, self._group

    def parameters(self, roots: list[Any], part: str = "parameters") -> Blocks:
        """The parameters as they are now."""
        parameters, group = self._parameters(roots)
        return [group.block(part, parameters)] if group is not None else []

    def gradients(self, roots: list[Any]) -> Blocks:
        """The gradients as they are now; None where a parameter has none."""
        parameters, group = self._parameters(roots)
        return [group.block("gradients", [p.grad for p in parameters])] if group is not None else []

    def moments(self, roots: list[Any]) -> Blocks:
        """The optimizer's state: moments, momentum buffers, step counts; lists (LBFGS) item by item."""
        optimizer = self._optimizer()
        parameters, group = self._parameters(roots)
        if optimizer is None or group is None:
            return []
        found = [
            (f"{key}/{path}", f"{name}:{path}", value)
            for parameter, (key, name) in zip(parameters, group.entries, strict=True)
            for path, value in _flat(optimizer.state.get(parameter, {}))
        ]
        tensor_class = self._torch.Tensor
        tensors = [entry for entry in found if isinstance(entry[2], tensor_class)]
        keys = [entry[0] for entry in tensors]
        if keys != self._moment_keys:
            self._moment_keys, self._moments = keys, ParameterGroup(self._recorder, self._digester, tensors)
        blocks: Blocks = []
        if self._moments is not None and tensors:
            blocks.append(self._moments.block("optimizer", [entry[2] for entry in tensors]))
        scalars = [entry for entry in found if not isinstance(entry[2], tensor_class)]
        if scalars:
            columns = tuple(Column(key, name, type(value).__name__) for key, name, value in scalars)
            digests = b"".join(self._digester.scalar(value) for _, _, value in scalars)
            blocks.append((self._recorder.block("optimizer", columns), digests, "optimizer"))
        return blocks

    def rates(self) -> tuple[float, Blocks]:
        """The learning rate of the first group, and all rates as a block."""
        optimizer = self._optimizer()
        if optimizer is None:
            return _NAN, []
        values = [group.get("lr") for group in optimizer.param_groups]
        numbers = [float(value) if value is not None else _NAN for value in values]
        columns = tuple(Column(f"{self.ordinal}/{i}", f"lr of group {i}") for i in range(len(numbers)))
        digests = b"".join(self._digester.scalar(number) for number in numbers)
        return (numbers[0] if numbers else _NAN), [(self._recorder.block("lr", columns), digests, "lr")]


def _flat(state: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Names and values of a parameter's state, containers opened up to a depth of 3."""
    if isinstance(state, dict) and depth < 3:
        for key, value in state.items():
            yield from _flat(value, f"{prefix}{key}/", depth + 1)
    elif isinstance(state, (list, tuple)) and depth < 3:
        for index, value in enumerate(state):
            yield from _flat(value, f"{prefix}{index}/", depth + 1)
    elif state is None or isinstance(state, (int, float, str, bool)) or hasattr(state, "data_ptr"):
        yield prefix.removesuffix("/"), state
