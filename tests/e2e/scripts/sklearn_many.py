"""Several estimators, one after the other, on scikit-learn's digits."""
import random

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

random.seed(3)
np.random.seed(3)
x, y = load_digits(return_X_y=True)
x, y = x[:400], y[:400]
x = x + np.random.normal(size=x.shape) * 0.01
pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(x, y)
forest = RandomForestClassifier(10).fit(x, y)
search = GridSearchCV(SGDClassifier(), {"alpha": [1e-3, 1e-2]}, cv=2).fit(x, y)
clusters = KMeans(5, n_init=1).fit(x)
np.savez("all.npz", a=pipeline[-1].coef_, b=forest.predict_proba(x), c=search.best_estimator_.coef_, d=clusters.cluster_centers_)
