"""Trains in a child process that multiprocessing spawns."""
import sys

import torch
import torch.multiprocessing as mp
import torch.nn as nn


def train(path, seed):
    torch.manual_seed(seed)
    model = nn.Linear(8, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(1, 11):
        x = torch.randn(16, 8)
        loss = (model(x) - x.sum(1, keepdim=True)).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.save(model.state_dict(), path)


if __name__ == "__main__":
    process = mp.get_context("spawn").Process(target=train, args=("child.pt", 6))
    process.start()
    process.join()
    sys.exit(process.exitcode)
