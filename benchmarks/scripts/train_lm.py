"""A character-level transformer of about 10 M parameters; prints the seconds of each step as JSON."""

import argparse
import json
import time

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=30)
parser.add_argument("--batch", type=int, default=4)
parser.add_argument("--context", type=int, default=128)
args = parser.parse_args()

torch.manual_seed(0)
text = open(argparse.__file__).read()
alphabet = sorted(set(text))
data = torch.tensor([alphabet.index(c) for c in text])
width, layers = 384, 6


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, 6, 64).permute(2, 0, 3, 1, 4)
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, width))
        return x + self.mlp(self.norm2(x))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.token, self.place = nn.Embedding(len(alphabet), width), nn.Embedding(args.context, width)
        self.blocks = nn.Sequential(*(Block() for _ in range(layers)))
        self.head = nn.Linear(width, len(alphabet))

    def forward(self, x):
        return self.head(self.blocks(self.token(x) + self.place(torch.arange(x.shape[1]))))


model = Model()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
seconds = []
for _ in range(args.steps):
    began = time.perf_counter()
    start = torch.randint(len(data) - args.context - 1, (args.batch,))
    window = data[start[:, None] + torch.arange(args.context + 1)]
    loss = nn.functional.cross_entropy(model(window[:, :-1]).flatten(0, 1), window[:, 1:].flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    seconds.append(time.perf_counter() - began)
print(json.dumps({"parameters": sum(p.numel() for p in model.parameters()), "seconds": seconds}))
