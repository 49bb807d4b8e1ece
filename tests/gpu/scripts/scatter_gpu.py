"""Trains an embedding by scattered float additions, whose order on a GPU is the scheduler's."""

import torch

torch.manual_seed(0)
table = torch.zeros(50, 64, device="cuda", requires_grad=True)
values = torch.randn(200_000, 64, device="cuda")
index = torch.randint(50, (200_000,), device="cuda")
optimizer = torch.optim.SGD([table], lr=1e-3, momentum=0.9)
for step in range(12):
    summed = torch.zeros(50, 64, device="cuda").index_add(0, index, values * (1 + table[0]))
    loss = (summed - table).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
torch.save(table, "table.pt")
