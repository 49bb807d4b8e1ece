"""The observer changes no bit of what a Keras script computes: final weights with and without it, in every mode."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("noninterference_script.py")
BACKENDS = ("tensorflow", "torch", "jax")
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
CASES = [
    (backend, name)
    for named, name in re.findall(r"@case\((.*?)\)\ndef (\w+)", SCRIPT.read_text("utf-8"))
    for backend in BACKENDS
    if not named or f'"{backend}"' in named
]

pytestmark = pytest.mark.frameworks


@pytest.fixture(scope="module")
def runs(shared_runner: Any) -> Any:
    """A function from a backend to the plain run and the observed one, each made once."""
    found: dict[str, Any] = {}

    def run(backend: str) -> Any:
        if backend not in found:
            settings = {**QUIET, "KERAS_BACKEND": backend}
            found[backend] = (
                shared_runner.plain(SCRIPT, **settings),
                shared_runner.observed(SCRIPT, **settings),
            )
        return found[backend]

    return run


@pytest.mark.parametrize(("backend", "name"), CASES)
def test_final_weights_are_equal_bit_for_bit(runs: Any, backend: str, name: str) -> None:
    plain, observed = runs(backend)
    assert observed.json[name] == plain.json[name]


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_of_it_was_observed_and_nothing_broke(runs: Any, backend: str) -> None:
    observed = runs(backend)[1]
    assert observed.process.disabled == {}
    assert {"steps", "keras.fit", "keras.optimizer"} <= set(observed.process.fired)
    assert observed.process.finished


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_rows_stand_for_every_update(runs: Any, backend: str) -> None:
    observed = runs(backend)[1]
    updates = sum(count for _digest, count in json.loads(observed.stdout.splitlines()[-1]).values())
    assert updates > 50
    assert observed.rows[-1].step == updates


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_printed_that_the_script_did_not_print(runs: Any, backend: str) -> None:
    plain, observed = runs(backend)
    assert observed.stdout == plain.stdout


def test_the_digest_would_show_one_weight_moved(shared_runner: Any, runs: Any) -> None:
    planted = shared_runner.plain(SCRIPT, **QUIET, KERAS_BACKEND="torch", PLANT="1").json
    plain = runs("torch")[0].json
    assert set(planted) == set(plain)
    assert all(planted[name][0] != plain[name][0] for name in plain)
