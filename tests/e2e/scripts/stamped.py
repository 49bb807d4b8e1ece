"""Writes the same numbers into containers that hold the time and a name of their own."""
import io
import os
import time
import zipfile

import numpy as np
import torch

torch.manual_seed(0)
weights, bias = torch.randn(8).numpy(), torch.randn(3).numpy()
state = {"w": torch.from_numpy(weights.copy()), "when": "always"}

name = f"checkpoint-{os.getpid()}-{time.time_ns()}.pt"
torch.save(state, name)
os.replace(name, "named.pt")

buffer = io.BytesIO()
np.savez(buffer, w=weights, b=bias)
stamp = time.localtime(1_600_000_000 + 2 * (time.time_ns() // 1_000_000 % 10_000_000))[:6]
with zipfile.ZipFile(buffer) as source, zipfile.ZipFile("dated.npz", "w") as target:
    for entry in source.namelist():
        target.writestr(zipfile.ZipInfo(entry, stamp), source.read(entry))
print("written by process", os.getpid())
