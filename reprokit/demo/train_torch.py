"""Trains a small character-level network on the source text of Python's own standard library."""

import argparse
import json
from pathlib import Path

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=60)
parser.add_argument("--out", default="out")
parser.add_argument("--nudge", type=int, default=0, help="move one weight by one unit in the last place at this step")
args = parser.parse_args()

text = Path(argparse.__file__).read_text()
alphabet = sorted(set(text))
data = torch.tensor([alphabet.index(character) for character in text])
context = 16


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(alphabet), 24)
        self.hidden = nn.Linear(24 * context, 96)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(96, len(alphabet))

    def forward(self, characters: torch.Tensor) -> torch.Tensor:
        return self.head(self.drop(torch.tanh(self.hidden(self.embed(characters).flatten(1)))))


# Nothing here is seeded: reprokit keeps what seeded the generators.
model = Model()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(1, args.steps + 1):
    start = torch.randint(len(data) - context, (64,))
    window = data[start[:, None] + torch.arange(context + 1)]
    loss = nn.functional.cross_entropy(model(window[:, :-1]), window[:, -1])
    optimizer.zero_grad()
    loss.backward()
    if step == args.nudge:
        with torch.no_grad():
            weight = model.head.weight.view(-1)
            largest = weight.abs().argmax()  # far from a power of two: the update cannot round the change away
            weight[largest] = torch.nextafter(weight[largest], torch.tensor(torch.inf))
    optimizer.step()
    if step % 20 == 0:
        print(f"step {step}: loss {loss.item():.4f}")

out = Path(args.out)
out.mkdir(exist_ok=True)
torch.save({"model": model.state_dict(), "args": args}, out / "model.pt")
(out / "metrics.json").write_text(json.dumps({"loss": loss.item()}))
