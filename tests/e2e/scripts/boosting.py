"""XGBoost and LightGBM on scikit-learn's digits."""
import random

import lightgbm
import numpy as np
import xgboost
from sklearn.datasets import load_digits

random.seed(3)
np.random.seed(3)
x, y = load_digits(return_X_y=True)
rng = np.random.default_rng(7)
order = rng.permutation(len(x))[:500]
x, y = x[order], y[order]
first = xgboost.train(
    {"objective": "multi:softprob", "num_class": 10, "subsample": 0.8, "nthread": 1},
    xgboost.DMatrix(x, y),
    num_boost_round=4,
)
first.save_model("first.json")
second = lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1).fit(x, y)
second.booster_.save_model("second.txt")
