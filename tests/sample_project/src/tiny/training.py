"""Trains the classifier on two interleaved half circles."""

import random

import torch
from torch import nn

from tiny.activations import ScaledTanh


def half_circles(count=256):
    angle = torch.linspace(0, torch.pi, count // 2)
    upper = torch.stack([angle.cos(), angle.sin()], dim=1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], dim=1)
    return torch.cat([upper, lower]), torch.cat([torch.zeros(count // 2), torch.ones(count // 2)]).long()


def train(seed=0, epochs=3):
    torch.manual_seed(seed)
    points, labels = half_circles()
    order = list(range(len(points)))
    model = nn.Sequential(nn.Linear(2, 16), ScaledTanh(), nn.Linear(16, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    for _ in range(epochs):
        random.shuffle(order)
        for batch in torch.tensor(order).split(32):
            loss = nn.functional.cross_entropy(model(points[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    accuracy = (model(points).argmax(1) == labels).float().mean().item()
    return model, accuracy
