"""A small network that learns the product of two numbers, in PyTorch."""

import json

import torch
from torch import nn

torch.manual_seed(5)
torch.set_num_threads(1)
points = torch.rand(256, 2)
target = points.prod(1, keepdim=True)
model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
for step in range(1, 41):
    rows = torch.randperm(256)[:64]
    loss = nn.functional.mse_loss(model(points[rows]), target[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        print(f"step {step}: loss {loss.item():.6f}")
torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, "model.pt")
with open("metrics.json", "w") as file:
    json.dump({"loss": loss.item()}, file)
