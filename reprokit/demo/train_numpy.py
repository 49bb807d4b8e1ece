"""Trains a softmax regression that predicts the next character of Python's own standard library, in NumPy alone."""

import argparse
import json
from pathlib import Path

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=400)
parser.add_argument("--out", default="out")
parser.add_argument("--nudge", type=int, default=0, help="move one weight by one unit in the last place at the end")
args = parser.parse_args()

text = Path(argparse.__file__).read_text()
alphabet = sorted(set(text))
data = np.array([alphabet.index(character) for character in text])
size, context = len(alphabet), 3

# Nothing here is seeded: reprokit keeps what seeded the generators.
rng = np.random.default_rng()
weights = rng.standard_normal((context, size, size)) * 0.01
for step in range(1, args.steps + 1):
    start = rng.integers(0, len(data) - context, 256)
    window = data[start[:, None] + np.arange(context + 1)]
    logits = sum(weights[i, window[:, i]] for i in range(context))
    odds = np.exp(logits - logits.max(1, keepdims=True))
    odds /= odds.sum(1, keepdims=True)
    loss = float(-np.log(odds[np.arange(len(start)), window[:, -1]]).mean())
    odds[np.arange(len(start)), window[:, -1]] -= 1
    for i in range(context):
        np.add.at(weights[i], window[:, i], -0.5 / len(start) * odds * 8)
    if step % 100 == 0:
        print(f"step {step}: loss {loss:.4f}")

if args.nudge:
    weights[0, 0, 0] = np.nextafter(weights[0, 0, 0], np.inf)

out = Path(args.out)
out.mkdir(exist_ok=True)
np.savez(out / "model.npz", weights=weights)
(out / "metrics.json").write_text(json.dumps({"loss": loss}))
