"""torch.compile with Inductor, fused optimizer, EMA, SWA, gradient checkpointing."""
import copy

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.checkpoint import checkpoint


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16))
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(checkpoint(self.body, x, use_reentrant=False))


def main():
    torch.manual_seed(1)
    model = Net()
    fast = torch.compile(model)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    optimizer = torch.optim.AdamW(fast.parameters(), lr=1e-2, fused=True)
    for _ in range(8):
        x, y = torch.randn(16, 8), torch.randint(3, (16,))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(fast(x), y)
        loss.backward()
        optimizer.step()
        averaged.update_parameters(model)
    torch.save({"model": fast.state_dict(), "ema": averaged.state_dict()}, "model.pt")
    print(f"loss {loss.item():.6f}")


if __name__ == "__main__":
    main()
