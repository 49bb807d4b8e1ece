"""A wide regression: its sums are long enough to be split among threads."""
import json

import torch
import torch.nn as nn

torch.manual_seed(0)
x = torch.randn(4096, 64)
y = x.sin().sum(1, keepdim=True)
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)
for step in range(1, 9):
    loss = (model(x) - y).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with open("result.json", "w") as f:
    json.dump({"loss": loss.item()}, f)
torch.save(model.state_dict(), "wide.pt")
