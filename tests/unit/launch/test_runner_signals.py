"""Signals that come while a command starts, and those that one has asked not to hear."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from reprokit.launch import runner
from reprokit.launch.runner import Command, run


@pytest.fixture
def command(tmp_path):
    """A command that goes on until it is ended, and tells its process id by the file that it leaves."""
    logs = tmp_path / "logs"
    logs.mkdir()
    return Command(["sleep", "60"], tmp_path, dict(os.environ), logs, None, None, own_session=True)


@pytest.fixture
def interruptible():
    """Ctrl-C as in a terminal: where tests run in the background, a shell has turned it off for all."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ended(process):
    """Whether a process is gone; it is ended where it is not."""
    if process.poll() is not None:
        return True
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return False


@pytest.mark.parametrize("when", ["before it is known", "while it is told of"])
def test_an_interrupt_while_a_command_starts_ends_the_command(command, interruptible, monkeypatch, when):
    started = []

    class Started(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)
            if when == "before it is known":
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(runner.subprocess, "Popen", Started)
    told = (lambda _pid: os.kill(os.getpid(), signal.SIGINT)) if when == "while it is told of" else (lambda _pid: None)
    try:
        outcome = run(command, told)
    except KeyboardInterrupt:
        pytest.fail("nobody waits for the command any more")
    finally:
        gone = [ended(process) for process in started]
    assert gone == [True]
    assert (outcome.interrupted, outcome.status) == (True, 128 + signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM], ids=["nohup", "terminate"])
def test_a_signal_that_is_not_to_be_heard_interrupts_nothing(command, number, tmp_path):
    """Under `nohup` a run goes on when its terminal is closed, and it is not told as cut off."""
    done = Command(
        ["sh", "-c", "while [ ! -e go ]; do sleep 0.02; done"], tmp_path, command.environment, command.logs, None, None,
        own_session=True,
    )  # fmt: skip

    def hang_up(_pid):
        os.kill(os.getpid(), number)
        os.kill(_pid, number)
        (tmp_path / "go").touch()

    before = signal.signal(number, signal.SIG_IGN)
    try:
        outcome = run(done, hang_up)
    finally:
        signal.signal(number, before)
    assert (outcome.status, outcome.interrupted) == (0, False)
