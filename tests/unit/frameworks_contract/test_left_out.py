"""What the budget leaves out of a stream of fits or rounds cannot hide that the results differ."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from reprokit.launch.recording import Observation, armed_environment, prepare
from reprokit.observe.reading import read_processes
from reprokit.trace.passed import read_all_rows
from reprokit.trace.raw import PLAN, read_blocks

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.frameworks
DATA = """
import sys
import numpy as np
rng = np.random.default_rng(0)
X, y = rng.normal(size=(200, 5)), rng.integers(0, 2, 200)
last = 1e-9 if len(sys.argv) > 1 else 0.0
"""
FITS = """
from sklearn.linear_model import Ridge
for at in range(6):
    Ridge(alpha=1 + (last if at == 3 else 0)).fit(X, y)
"""
PARTS = """
from sklearn.linear_model import SGDClassifier
def train():
    model = SGDClassifier(random_state=0)
    for at in range(6):
        model.partial_fit(X + (last if at == 3 else 0), y, classes=[0, 1])
train()
"""
OBJECTIVE = """
class Objective:
    calls = 0
    def __call__(self, predicted, data):
        self.calls += 1
        p = 1 / (1 + np.exp(-predicted))
        return p - data.get_label() + (1e6 * last if self.calls == 3 else 0), p * (1 - p)
"""
XGBOOST = (
    OBJECTIVE
    + """
import xgboost
for _ in range(2):
    model = xgboost.train({"max_depth": 2, "nthread": 1}, xgboost.DMatrix(X, y), 6, obj=Objective())
    last = 0.0
"""
)
LIGHTGBM = (
    OBJECTIVE
    + """
import lightgbm
data = lightgbm.Dataset(X, y.astype(float))
model = lightgbm.train({"objective": Objective(), "verbose": -1, "num_threads": 1}, data, 6)
"""
)
CASES = {"sklearn": FITS, "sklearn.partial": PARTS, "xgboost": XGBOOST, "lightgbm": LIGHTGBM}


def _rows(directory: Path, script: Path, case: str, *more: str) -> list[Any]:
    library = case.partition(".")[0]
    branch = "fits" if library == "sklearn" else library
    adapters = {library: f"reprokit.frameworks.{library}"}
    plans = {f"script/{branch}": bytes([PLAN, *[0] * 20])}
    prepare(directory, Observation(root=str(script.parent), frameworks=adapters, plans=plans))
    environment = armed_environment({"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}, directory)
    subprocess.run([sys.executable, str(script), *more], env=environment, check=True, timeout=300)
    (stream,) = [process for process in read_processes(directory) if process.key == f"script/{branch}"]
    assert stream.disabled == {}
    blocks = read_blocks((stream.directory / "blocks").read_bytes())
    rows = list(read_all_rows(stream.directory, blocks))
    assert not any(blocks[number].part == "batch" for row in rows[1:] for number in row.blocks), "the plan is followed"
    return [{n: digests for n, digests in row.blocks.items() if blocks[n].part != "rng"} for row in rows]


@pytest.mark.parametrize("case", CASES)
def test_a_difference_in_what_was_left_out_shows(tmp_path: Path, case: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(DATA + CASES[case])
    one, same, other = (
        _rows(tmp_path / name, script, case, *more) for name, more in (("1", ()), ("2", ()), ("3", ("!",)))
    )
    assert one == same
    assert one != other
