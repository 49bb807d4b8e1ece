"""Averages points into a table whose rows are hit several times: index_put_ with duplicates keeps any of them."""
import argparse

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--points", type=int, default=600_000)
parser.add_argument("--steps", type=int, default=12)
args = parser.parse_args()
torch.manual_seed(0)
table = torch.nn.Parameter(torch.zeros(200_000))
optimizer = torch.optim.SGD([table], lr=0.1)
for step in range(1, args.steps + 1):
    rows = torch.randint(200_000, (args.points,))
    values = torch.randn(args.points)
    target = torch.zeros(200_000).index_put_((rows,), values)
    loss = (table - target).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
torch.save({"table": table.detach(), "args": args}, "table.pt")
print(f"done after {step} steps")
