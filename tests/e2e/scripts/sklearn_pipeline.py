"""A scikit-learn pipeline: scaling, a forest, scores as JSON, the fitted model by joblib."""
import argparse
import json
import os

import joblib
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

parser = argparse.ArgumentParser()
parser.add_argument("--trees", type=int, default=20)
parser.add_argument("--model-dir", default="model")
parser.add_argument("--seed", type=int, default=3)
args = parser.parse_args()

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=args.seed)
pipeline = make_pipeline(StandardScaler(), RandomForestClassifier(args.trees, n_jobs=2, random_state=args.seed))
pipeline.fit(X_train, y_train)
probabilities = pipeline.predict_proba(X_test)
scores = {
    "accuracy": accuracy_score(y_test, probabilities.argmax(1)),
    "log_loss": log_loss(y_test, probabilities),
}
print(scores)
os.makedirs(args.model_dir, exist_ok=True)
joblib.dump(pipeline, os.path.join(args.model_dir, "pipeline.joblib"))
with open(os.path.join(args.model_dir, "scores.json"), "w") as f:
    json.dump(scores, f)
