"""Operations that the documentation of the installed version calls nondeterministic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprokit.lint.hazards import Hazard, Status
from reprokit.lint.hazards.of_tensorflow import TENSORFLOW
from reprokit.lint.hazards.of_torch import TORCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reprokit.lint.checks.invocation import Invocation
    from reprokit.lint.values import Value

_WARNS = "torch-warns"


def _torch(hazard: Hazard, made: Invocation) -> None:
    status = hazard.status(made.walk.versions["torch"])
    if status is None or not hazard.applies(made):
        return
    where = "" if "cpu" in hazard.devices else " on CUDA"
    text = f"{hazard.name} is documented as nondeterministic{where}: {hazard.condition}"
    cuda = "cpu" not in hazard.devices
    report = made.walk.report
    if status is Status.ALTERNATIVE:
        unless = ("torch-deterministic", _WARNS, *hazard.settled_by)
        given: dict[str, Any] = {"unless": unless, "cuda": cuda, "source": hazard.source, "remedy": hazard.remedy or ""}
        if hazard.common:
            made.walk.report_first(hazard.name, "RPL040", made.node, text, level="note", needs=("cuda",), **given)
        else:
            report("RPL040", made.node, text, **given)
        return
    remedy = hazard.remedy or "Replace it, or run it on the CPU: PyTorch has no deterministic kernel for it."
    report("RPL040", made.node, text, unless=("torch-deterministic",), cuda=cuda, source=hazard.source, remedy=remedy)
    text = (
        f"{hazard.name} raises RuntimeError{where} under torch.use_deterministic_algorithms(True): {hazard.condition}"
    )
    needs = ("torch-deterministic",)
    report("RPL041", made.node, text, needs=needs, cuda=cuda, source=hazard.source, remedy=remedy)


def _tensorflow(hazard: Hazard, made: Invocation) -> None:
    status = hazard.status(made.walk.versions["tensorflow"])
    if status is None or not hazard.applies(made):
        return
    text = f"{hazard.name} is documented as nondeterministic on a GPU: {hazard.condition}"
    on = ("tensorflow-deterministic", "tensorflow-deterministic-variable")
    given: dict[str, Any] = {"cuda": True, "source": hazard.source, "remedy": hazard.remedy or ""}
    made.walk.report("RPL043", made.node, text, unless=on, **given)
    if status is Status.RAISES:
        text = f"{hazard.name} raises UnimplementedError on a GPU when op determinism is on: {hazard.condition}"
        made.walk.report("RPL044", made.node, text, needs=on[:1], **given)


def _watch(report: Callable[[Hazard, Invocation], None], hazard: Hazard) -> Callable[[Invocation], None]:
    def watch(made: Invocation) -> None:
        report(hazard, made)

    return watch


def _method_watch(hazards: list[Hazard]) -> Callable[[Invocation], None]:
    def watch(made: Invocation) -> None:
        for hazard in hazards:
            if _plausible(made.receiver, made, hazard):
                _torch(hazard, made)

    return watch


def _plausible(receiver: Value | None, made: Invocation, hazard: Hazard) -> bool:
    """A method whose name only tensors have needs a receiver that may be one; any other name a receiver that is one."""
    if receiver is None:
        return False
    if receiver.kind == "tensor":
        return True
    own = made.name in hazard.own_methods
    return own and receiver.kind in {"unknown", "parameter", "batch"} and "torch" in made.walk.imported


def _by_name(hazards: Iterable[Hazard], attribute: str) -> dict[str, list[Hazard]]:
    found: dict[str, list[Hazard]] = {}
    for hazard in hazards:
        for name in getattr(hazard, attribute):
            found.setdefault(name, []).append(hazard)
    return found


CALLS = {name: _watch(_torch, hazard) for hazard in TORCH for name in hazard.calls} | {
    name: _watch(_tensorflow, hazard) for hazard in TENSORFLOW for name in hazard.calls
}
METHODS = {name: _method_watch(hazards) for name, hazards in _by_name(TORCH, "methods").items()}
