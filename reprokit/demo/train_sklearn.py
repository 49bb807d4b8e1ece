"""Trains a classifier on scikit-learn's handwritten digits."""

import argparse
import json
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=30)
parser.add_argument("--out", default="out")
parser.add_argument("--nudge", type=int, default=0, help="move one weight by one unit in the last place at the end")
args = parser.parse_args()

# Nothing here is seeded: reprokit keeps what seeded the generators.
x, x_test, y, y_test = train_test_split(*load_digits(return_X_y=True), test_size=0.25)
model = make_pipeline(StandardScaler(), SGDClassifier(max_iter=args.epochs, tol=None))
model.fit(x, y)
if args.nudge:
    weights = model[-1].coef_
    weights[0, 0] = np.nextafter(weights[0, 0], np.inf)
accuracy = model.score(x_test, y_test)
print(f"accuracy {accuracy:.4f}")

out = Path(args.out)
out.mkdir(exist_ok=True)
joblib.dump(model, out / "model.joblib")
(out / "metrics.json").write_text(json.dumps({"accuracy": accuracy}))
