"""Logistic regression by gradient descent in plain NumPy, on data that it draws itself."""

import json

import numpy as np

rng = np.random.default_rng(11)
x = rng.normal(size=(200, 5))
y = (x @ rng.normal(size=5) > 0).astype(float)
weights = np.zeros(5)
for step in range(1, 61):
    rows = rng.permutation(200)[:64]
    odds = 1 / (1 + np.exp(-(x[rows] @ weights)))
    loss = -np.mean(y[rows] * np.log(odds) + (1 - y[rows]) * np.log(1 - odds))
    weights -= 0.5 * x[rows].T @ (odds - y[rows]) / len(rows)
    if step % 20 == 0:
        print(f"step {step}: loss {loss:.6f}")
np.savez_compressed("weights.npz", weights=weights)
with open("metrics.json", "w") as file:
    json.dump({"loss": float(loss), "accuracy": float(np.mean((x @ weights > 0) == y))}, file)
