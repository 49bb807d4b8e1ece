"""Processes that go on after a run's command are named: those of this run, until they end."""

from __future__ import annotations

import os
import subprocess

import pytest

from reprokit.launch import outliving
from reprokit.launch.recording import OBSERVE


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(outliving, "_PATIENCE", 0.0)


@pytest.mark.parametrize("apart", [False, True])
def test_a_process_is_named_while_it_runs(tmp_path, apart):
    environment = {**os.environ, OBSERVE: str(tmp_path / "run")}
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, env=environment, start_new_session=apart) as process:
        (said,) = outliving.outliving(tmp_path / "run")
        assert said.startswith(f"process {process.pid} (cat) went on after the command had ended")
        assert outliving.outliving(tmp_path / "ru") == outliving.outliving(tmp_path / "run2") == []
    assert outliving.outliving(tmp_path / "run") == []


def test_one_that_ends_in_a_moment_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(outliving, "_PATIENCE", 600.0)
    environment = {**os.environ, OBSERVE: str(tmp_path)}
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, env=environment) as process:
        monkeypatch.setattr(outliving, "_PAUSE", 0.0)
        monkeypatch.setattr(outliving.time, "sleep", lambda _: process.stdin.close())
        assert outliving.outliving(tmp_path) == []
