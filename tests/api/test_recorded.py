"""`reprokit.recorded`: every call of a function is a run, with its arguments as parameters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

import reprokit
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_each_call_is_a_run(tmp_path: Path) -> None:
    @reprokit.recorded
    def train(rate: float, *rest: int, steps: int = 3, model: object = None, **more: str) -> float:
        reprokit.metric("rate", rate)
        return rate * steps

    assert train(0.5, 1, 2, model=train, label="a") == 1.5
    assert train(0.25, steps=4) == 1.0
    names = sorted(path.name for path in tmp_path.glob("*.repro.tar.zst"))
    assert names == ["train-2.repro.tar.zst", "train.repro.tar.zst"]
    with reprokit.open("train.repro.tar.zst") as first, reprokit.open("train-2.repro.tar.zst") as second:
        assert first.params == {
            "rate": 0.5, "rest": [1, 2], "steps": 3, "model": "<builtins.function>", "more": {"label": "a"},
        }  # fmt: skip
        assert second.params == {"rate": 0.25, "rest": [], "steps": 4, "model": None, "more": {}}
        assert second.metrics == {"rate": 0.25}


def test_it_keeps_the_function_as_it_is_and_wrong_arguments_are_the_functions_own_error(tmp_path: Path) -> None:
    @reprokit.recorded(seed=3, name="named", output="named.repro.tar.zst")
    def train(rate: float) -> float:
        """Trains."""
        return rate * float(np.random.rand())  # noqa: NPY002

    assert (train.__name__, train.__doc__) == ("train", "Trains.")
    with pytest.raises(TypeError, match="rate"):
        train()  # type: ignore[call-arg]
    assert not list(tmp_path.iterdir())
    assert train(1.0) == train(1.0)


def test_an_exception_and_a_coroutine_pass_through() -> None:
    @reprokit.recorded(output="failed.repro.tar.zst")
    def fails() -> None:
        raise LookupError("no data")

    @reprokit.recorded(output="async.repro.tar.zst")
    async def later(value: int) -> int:
        await asyncio.sleep(0)
        reprokit.metric("value", value)
        return value

    with pytest.raises(LookupError, match="no data"):
        fails()
    assert asyncio.run(later(4)) == 4
    with reprokit.open("failed.repro.tar.zst") as failed, reprokit.open("async.repro.tar.zst") as done:
        assert failed.manifest.run.exit_status == 1
        assert done.metrics == {"value": 4.0}


def test_a_generator_function_is_refused() -> None:
    with pytest.raises(UsageError, match="RPK001"):

        @reprokit.recorded
        def numbers() -> object:
            yield 1
