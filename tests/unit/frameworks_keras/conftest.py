"""The runner of the PyTorch adapter's tests, for scripts that train with Keras."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType


def _torch_conftest() -> ModuleType:
    path = Path(__file__).parent.parent / "frameworks_torch" / "conftest.py"
    spec = importlib.util.spec_from_file_location("frameworks_torch_runner", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # data classes look their module up
    spec.loader.exec_module(module)
    return module


Runner: Any = _torch_conftest().Runner


@pytest.fixture(scope="session")
def shared_runner(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One runner, with the runs that the tests share."""
    return Runner(tmp_path_factory.mktemp("keras"))


@pytest.fixture
def runner(tmp_path: Path) -> Any:
    """A runner in a directory of its own."""
    return Runner(tmp_path)
