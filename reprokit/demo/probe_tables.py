"""Fits small models with NumPy, scikit-learn, XGBoost and LightGBM and gives digests: run by ``reprokit doctor``."""

import hashlib
import importlib.util
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def digest(*parts: Any) -> str:
    state = hashlib.sha256()
    for part in parts:
        state.update(part if isinstance(part, bytes) else np.ascontiguousarray(part).tobytes())
    return state.hexdigest()


def _data() -> tuple[Any, Any]:
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(4000, 12))
    return rows, (rows[:, 0] * rows[:, 1] + rows[:, 2] > 0).astype(int)


def descent(_threads: int, _mode: str) -> str:
    rows, labels = _data()
    weights = np.zeros(12)
    for _ in range(20):
        weights -= 0.1 * rows.T @ (1 / (1 + np.exp(-rows @ weights)) - labels) / len(rows)
    return digest(weights, rows.T @ rows)


def forest(threads: int, _mode: str) -> str:
    from sklearn.ensemble import RandomForestClassifier

    rows, labels = _data()
    fitted = RandomForestClassifier(8, max_depth=5, n_jobs=threads, random_state=0).fit(rows, labels)
    return digest(fitted.predict_proba(rows))


def boosting(threads: int, _mode: str) -> str:
    import xgboost

    rows, labels = _data()
    options = {"nthread": threads, "seed": 0, "max_depth": 4, "objective": "binary:logistic", "verbosity": 0}
    return digest(bytes(xgboost.train(options, xgboost.DMatrix(rows, labels), 8).save_raw("ubj")))


def leaves(threads: int, mode: str) -> str:
    import lightgbm

    rows, labels = _data()
    options: dict[str, Any] = {"num_threads": threads, "seed": 0, "objective": "binary", "verbosity": -1}
    if mode == "deterministic":
        options |= {"deterministic": True, "force_row_wise": True}
    fitted = lightgbm.train(options, lightgbm.Dataset(rows, labels), 8)
    return digest(np.asarray(fitted.predict(rows)))


MODELS: dict[str, tuple[Callable[[int, str], str], tuple[str, ...]]] = {
    "numpy": (descent, ("plain",)), "sklearn": (forest, ("plain",)), "xgboost": (boosting, ("plain",)),
    "lightgbm": (leaves, ("plain", "deterministic")),
}  # fmt: skip


def facts() -> dict[str, Any]:
    """Version of NumPy."""
    return {"version": np.__version__, "device": "CPU only"}


def probe(threads: list[int]) -> list[dict[str, Any]]:
    """Fits one model a library that is installed, with each number of threads; a library that breaks is named."""
    found = []
    for framework, (model, modes) in MODELS.items():
        if importlib.util.find_spec(framework) is None:
            continue
        for count in threads:
            for mode in modes:
                began = time.perf_counter()
                row = {"framework": framework, "device": "cpu", "threads": count, "mode": mode, "model": model.__name__}
                try:
                    digests = [model(count, mode), model(count, mode)]
                except Exception as error:  # noqa: BLE001 - whatever is broken there is what is asked for
                    found.append({**row, "digests": [], "problem": f"{type(error).__name__}: {error}", "seconds": 0.0})
                    continue
                seconds = round(time.perf_counter() - began, 4)
                found.append({**row, "digests": digests, "seconds": seconds})
    return found
