"""Logistic regression in plain NumPy."""
import argparse
import csv

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=50)
parser.add_argument("--lr", type=float, default=0.5)
parser.add_argument("--seed", type=int, default=11)
args = parser.parse_args()

rng = np.random.default_rng(args.seed)
np.random.seed(args.seed)
x = rng.normal(size=(200, 5))
y = (x @ rng.normal(size=5) > 0).astype(float)
w = 0.01 * np.random.randn(5)
with open("log.csv", "w", newline="") as f:
    writer = csv.writer(f)
    writer.writerow(["step", "loss"])
    for step in range(1, args.steps + 1):
        rows = rng.permutation(200)[:64]
        p = 1 / (1 + np.exp(-(x[rows] @ w)))
        loss = -np.mean(y[rows] * np.log(p) + (1 - y[rows]) * np.log(1 - p))
        w -= args.lr * x[rows].T @ (p - y[rows]) / len(rows)
        writer.writerow([step, loss])
np.savez_compressed("weights.npz", w=w)
print(f"final loss {loss:.3f}")
