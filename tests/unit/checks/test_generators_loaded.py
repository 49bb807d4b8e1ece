"""NumPy's generator is looked at even where nothing has drawn from it yet: NumPy loads it lazily."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import numpy as np
from reprokit.checks import run_to_run
try:
    run_to_run(lambda: np.random.normal())
except Exception as error:
    print(error)
"""


def test_the_first_draw_of_all_is_told_from_other_causes() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert "random draws: it draws from the global generator of numpy" in done.stdout
