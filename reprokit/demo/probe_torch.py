"""Trains a few steps with PyTorch for each thread count and mode, and gives digests: run by ``reprokit doctor``.

Two models: a small convolutional network, whose bits should repeat, and a scatter with duplicate indices, whose bits
need not repeat with several threads unless the deterministic mode is on (pytorch/pytorch#51366).
"""

import hashlib
import os
import time
from typing import Any

import torch
from torch import nn


def digest(tensors: list[torch.Tensor]) -> str:
    state = hashlib.sha256()
    for tensor in tensors:
        state.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return state.hexdigest()


def network(device: str) -> str:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10)).to(device)
    optimizer = torch.optim.Adam(layers.parameters())
    for _ in range(5):
        images, labels = torch.randn(64, 1, 8, 8, device=device), torch.randint(10, (64,), device=device)
        loss = nn.functional.cross_entropy(layers(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return digest(list(layers.parameters()))


def scatter(device: str) -> str:
    torch.manual_seed(0)
    values, index = torch.randn(400_000, device=device), torch.randint(0, 1000, (400_000,), device=device)
    target = torch.zeros(1000, device=device)
    for _ in range(5):
        target.index_put_((index,), values)
        target = target.index_put((index,), values, accumulate=True)
    return digest([target])


def facts() -> dict[str, Any]:
    """Version, instruction set and device."""
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU only"
    return {"version": torch.__version__, "capability": torch.backends.cpu.get_cpu_capability(), "device": name}


def probe(threads: list[int]) -> list[dict[str, Any]]:
    """Trains on each device, with each number of threads (on the CPU), plain and deterministic."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    places = [("cpu", count) for count in threads]
    if torch.cuda.is_available():
        places.append(("cuda", max(threads)))
    found = []
    for device, count in places:
        torch.set_num_threads(count)
        for mode in ("plain", "deterministic"):
            torch.use_deterministic_algorithms(mode == "deterministic", warn_only=True)
            torch.backends.cudnn.deterministic = mode == "deterministic"
            for model in (network, scatter):
                began = time.perf_counter()
                digests = [model(device), model(device)]
                seconds = round(time.perf_counter() - began, 4)
                found.append({"framework": "torch", "device": device, "threads": count, "mode": mode,
                              "model": model.__name__, "digests": digests, "seconds": seconds})  # fmt: skip
    torch.use_deterministic_algorithms(mode=False)
    torch.backends.cudnn.deterministic = False
    return found
