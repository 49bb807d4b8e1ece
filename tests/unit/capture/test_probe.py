import os
import sys
import threading
import time

import pytest

from reprokit.capture.probe import run_tool


def _python(code, **options):
    return run_tool([sys.executable, "-c", code], **{"timeout": 20.0, **options})


def test_streams_and_status():
    printed = _python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (printed.status, printed.stdout, printed.stderr, printed.ok) == (3, b"out\n", b"err\n", False)


def test_standard_input_is_empty():
    assert _python("import sys; print(len(sys.stdin.read()))").stdout == b"0\n"


def test_what_cannot_be_started(tmp_path):
    assert run_tool([tmp_path / "absent"], timeout=1) is None
    assert run_tool(["a\0b"], timeout=1) is None
    assert run_tool([tmp_path], timeout=1) is None
    assert run_tool(["true"], timeout=1, cwd=tmp_path / "absent") is None


def test_a_flood_is_cut_and_stopped():
    printed = _python("while True: print('x' * 100_000)", limit=1_000_000)
    assert len(printed.stdout) == 1_000_000
    assert printed.truncated
    assert not printed.ok


def test_a_full_pipe_does_not_block():
    printed = _python("import sys; sys.stderr.write('e' * 1_000_000); sys.stdout.write('o' * 1_000_000)")
    assert (len(printed.stdout), len(printed.stderr), printed.ok) == (1_000_000, 1_000_000, True)


@pytest.mark.slow
def test_what_was_printed_is_read_however_late(monkeypatch):
    """As on a busy machine, where the reading thread has its turn long after the tool has ended."""
    read, begun = os.read, {threading.main_thread()}

    def late(descriptor, size):
        if threading.current_thread() not in begun:
            begun.add(threading.current_thread())
            time.sleep(2.5)
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", late)
    assert run_tool(["echo", "all"], timeout=60).stdout == b"all\n"


def test_a_timeout_ends_the_children_too():
    for seconds in (1.0, 10.0, 60.0):  # on a busy machine the shell may not come so far in one
        printed = run_tool(["sh", "-c", "sleep 999 & echo $!; wait"], timeout=seconds)
        assert printed.timed_out
        if printed.stdout:
            break
    child = int(printed.stdout)
    deadline = time.monotonic() + 60
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _alive(child)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_its_environment_is_the_given_one():
    printed = run_tool(["env"], timeout=60, environ={"A": "1", "PATH": os.environ["PATH"]})
    assert b"A=1" in printed.stdout
    assert b"HOME" not in printed.stdout
