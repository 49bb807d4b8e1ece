"""A linear classifier of scikit-learn's handwritten digits."""

import json

import joblib
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

x, x_test, y, y_test = train_test_split(*load_digits(return_X_y=True), test_size=0.25, random_state=3)
model = make_pipeline(StandardScaler(), SGDClassifier(max_iter=20, tol=None, random_state=3))
model.fit(x, y)
accuracy = model.score(x_test, y_test)
print(f"accuracy {accuracy:.4f}")
joblib.dump(model, "model.joblib")
with open("metrics.json", "w") as file:
    json.dump({"accuracy": accuracy}, file)
