"""A small network with a step of about 2 ms; prints the seconds of the whole loop as JSON."""

import argparse
import json
import time

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=3000)
args = parser.parse_args()

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(256, 160), nn.ReLU(), nn.Linear(160, 160), nn.ReLU(), nn.Linear(160, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
x, y = torch.randn(4096, 256), torch.randint(10, (4096,))
seconds = []
for _ in range(args.steps):
    began = time.perf_counter()
    batch = torch.randint(4096, (96,))
    loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    seconds.append(time.perf_counter() - began)
print(json.dumps({"parameters": sum(p.numel() for p in model.parameters()), "seconds": seconds}))
