"""Learns a sine wave with LBFGS and its closure."""
import torch
import torch.nn as nn

torch.manual_seed(2)
t = torch.linspace(0, 6, 100).unsqueeze(1)
target = torch.sin(t) + 0.05 * torch.randn(100, 1)
model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=5, history_size=4)


def closure():
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(t), target)
    loss.backward()
    return loss


for step in range(1, 9):
    loss = optimizer.step(closure)
print("loss", loss.item())
torch.save(model, "lbfgs_model.pt")
