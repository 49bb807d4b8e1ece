"""A command that is told to end cleans up as after Ctrl-C, and is not disturbed at it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

COMMAND = """
import sys, tempfile, time
import click
from reprokit.cli.ending import run_program

@click.command()
@click.option("--json", "as_json", is_flag=True)
def program(as_json):
    try:
        with tempfile.TemporaryDirectory() as room:
            print("at work", file=sys.stderr, flush=True)
            input()
    finally:
        print("cleaning", file=sys.stderr, flush=True)
        input()
        print("clean", file=sys.stderr, flush=True)

sys.exit(run_program(program, ["--json"]))
"""


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def command(tmp_path, request):
    """A command that holds a temporary directory until it is told to go on, and cleans up until it is told again.

    What it has said is not said again, whether the signal comes right behind it or not.
    """
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": request.param}
    ready = "import signal; signal.signal(signal.SIGTERM, signal.SIG_DFL); signal.signal(signal.SIGHUP, signal.SIG_DFL)"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{ready}\n{COMMAND}"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["terminate", "hang up"])
def test_what_is_told_to_end_leaves_nothing(command, tmp_path, number):
    assert command.stderr.readline() == "at work\n"
    assert len(list(tmp_path.iterdir())) == 1
    command.send_signal(number)
    assert command.stderr.readline() == "cleaning\n"
    command.send_signal(number)  # as `timeout` does, which signals the process, and then its group
    out, err = command.communicate("\n")
    assert (command.returncode, err.splitlines()[0]) == (130, "clean"), err
    assert json.loads(out)["code"] == "RPK032"
    assert list(tmp_path.iterdir()) == []


def test_what_one_was_asked_not_to_hear_ends_nothing(tmp_path):
    """`nohup reprokit verify … &`, and the terminal is closed."""
    done = subprocess.run(
        ["sh", "-c", 'trap "" HUP; exec "$0" -c "$1"', sys.executable,
         "import os, signal\n" + COMMAND.replace("input()", "os.kill(os.getpid(), signal.SIGHUP)")],
        env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.splitlines()) == (0, ["at work", "cleaning", "clean"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
def test_an_interrupt_of_which_a_library_makes_another_error_is_one(tmp_path, number):
    """It was told as an internal error of ours, to be reported."""
    at_work = f"""
            import os
            try:
                os.kill(os.getpid(), {int(number)})
            except KeyboardInterrupt as error:
                raise ValueError("a model cannot be built") from error
"""
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    done = subprocess.run(
        [sys.executable, "-c", start + COMMAND.replace("            input()", at_work, 1).replace("input()", "pass")],
        env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, json.loads(done.stdout)["code"]) == (130, "RPK032"), done.stderr


COUNTING = """
import signal, sys, time
from reprokit.cli.ending import _survive_readers_that_leave

class Cut(Exception):
    pass

def cut(*_):
    raise Cut

signal.signal(signal.SIGTERM, cut)
_survive_readers_that_leave()
for number in range(100):
    try:
        print(number, flush=True)
        time.sleep(60)
    except Cut:
        pass
"""


def test_a_signal_right_behind_a_line_does_not_bring_it_again():
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    process = subprocess.Popen([sys.executable, "-c", COUNTING], env=environment, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            for number in range(100):
                assert process.stdout.readline() == f"{number}\n"
                process.send_signal(signal.SIGTERM)
            assert process.stdout.read() == ""
        except AssertionError:
            process.kill()
            raise
    assert process.returncode == 0
