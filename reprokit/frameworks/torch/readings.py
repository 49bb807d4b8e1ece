"""Small things that are read in every step: the loss, and the states of PyTorch's own generators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.frameworks.torch.tensors import TensorDigester


def read_generators(torch: Any, digester: TensorDigester) -> list[tuple[str, bytes]]:
    """Names and states of the default generators: the CPU's, and each GPU's once CUDA is in use."""
    states = [("torch", digester.raw(torch.default_generator.get_state()))]
    if torch.cuda.is_initialized():  # is_available() would start the driver, and break later forks
        states += [(f"cuda:{i}", digester.raw(torch.cuda.get_rng_state(i))) for i in range(torch.cuda.device_count())]
    return states


def read_loss(digester: TensorDigester, loss: Any) -> tuple[float, bytes, str]:
    """Value (NaN where there is no single real one), bytes and dtype of what a backward pass began with."""
    local = getattr(loss, "_local_tensor", loss)  # asking a distributed tensor for its value communicates
    single = local.numel() == 1 and not local.is_complex() and not local.is_meta
    if single and local.device.type != "cpu":
        local = local.detach().to("cpu")
    value = float(local.detach()) if single else float("nan")
    return value, digester.raw(local) if single else digester.one(local), str(local.dtype)
