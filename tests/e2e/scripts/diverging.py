"""A learning rate that is too high: the loss becomes NaN."""
import json

import torch

torch.manual_seed(0)
x = torch.randn(64, 4)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=1e9)
for step in range(1, 13):
    loss = (model(x) - 1).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with open("result.json", "w") as f:
    json.dump({"loss": loss.item()}, f)
torch.save(model.state_dict(), "nan.pt")
