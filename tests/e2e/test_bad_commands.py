"""Commands that do not exist, fail, are killed, hang or are interrupted: said, bundled, and nothing left running."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

PYTHON = sys.executable


def write(place, **scripts):
    for name, text in scripts.items():
        (place / f"{name}.py").write_text(textwrap.dedent(text))


def alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(condition, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("command", ["no-such-command", "./missing.sh", "/", "./plain.txt", ""])
def test_a_command_that_cannot_be_started(reprokit, tmp_path, command):
    (tmp_path / "plain.txt").write_text("not a program")
    done = reprokit("record", "--json", "--", command, cwd=tmp_path)
    assert (done.status, done.json["code"]) == (2, "RPK002"), done.text
    assert done.json["hint"]
    assert [path.name for path in tmp_path.iterdir()] == ["plain.txt"]


def test_a_program_whose_interpreter_is_missing(reprokit, tmp_path):
    script = tmp_path / "odd.sh"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    done = reprokit("record", "--json", "--", "./odd.sh", cwd=tmp_path)
    assert (done.status, done.json["code"]) == (2, "RPK002"), done.text


def test_no_command(reprokit, tmp_path):
    done = reprokit("record", "--json", cwd=tmp_path)
    assert (done.status, done.json["code"]) == (2, "RPK001"), done.text


@pytest.mark.parametrize("status", [1, 2, 3, 77, 255])
def test_exit_status_passes_through_and_the_failure_is_bundled(reprokit, tmp_path, status):
    write(tmp_path, fail=f"open('partial.txt', 'w').write('half')\nimport sys\nsys.exit({status})")
    done = reprokit("record", "--json", "--", PYTHON, "fail.py", cwd=tmp_path)
    assert (done.status, done.json["exit_status"]) == (status, status)
    assert "RPK030" in {warning["code"] for warning in done.json["warnings"]}
    assert [output["path"] for output in done.json["outputs"]] == [str(tmp_path / "partial.txt")]
    if status == 3:
        replayed = reprokit("replay", "fail.repro.tar.zst", "--json", cwd=tmp_path)
        assert (replayed.status, replayed.json["tier"]) == (1, "none"), replayed.text


def test_a_traceback_is_the_scripts_own(reprokit, tmp_path):
    write(tmp_path, fail="def deep():\n    raise ValueError('no')\ndeep()")
    plain = subprocess.run([PYTHON, "fail.py"], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    done = reprokit("record", "--", PYTHON, "fail.py", cwd=tmp_path)
    assert done.status == plain.returncode == 1
    assert done.stderr.startswith(plain.stderr)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGABRT])
def test_killed_by_a_signal(reprokit, tmp_path, number):
    write(tmp_path, killed=f"""
        import os, resource
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        print('before', flush=True)
        open('partial.txt', 'w').write('half')
        os.kill(os.getpid(), {int(number)})
    """)  # fmt: skip
    done = reprokit("record", "--json", "--", PYTHON, "killed.py", cwd=tmp_path)
    assert done.status == done.json["exit_status"] == 128 + number
    shown = reprokit("inspect", "--json", done.json["bundle"], cwd=tmp_path).json
    assert shown["run"]["signal"] == number
    assert shown["run"]["incomplete"] is True
    assert reprokit("verify", done.json["bundle"], cwd=tmp_path).status == 0
    replayed = reprokit("replay", done.json["bundle"], "--json", cwd=tmp_path)
    assert (replayed.status, replayed.json["tier"]) == (1, "none"), replayed.text


TREE = """
    import os, subprocess, sys, time
    mode = sys.argv[1]
    if os.path.exists("fast"):
        sys.exit(0)
    children = [
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"]),
        subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 300 & wait; sleep 300"]),
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True),
    ]
    if mode == "stubborn":
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open(sys.argv[2], "w") as file:
        file.write(" ".join(str(pid) for pid in [os.getpid(), *(c.pid for c in children)]) + "\\n")
    time.sleep(300)
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["plain", "stubborn"])
@pytest.mark.parametrize("isolation", ["auto", "rewrite"])
def test_a_replay_that_hangs_is_stopped_with_all_its_children(reprokit, tmp_path, mode, isolation):
    place = tmp_path / "project"
    place.mkdir()
    pids = tmp_path / "told" / "pids"
    pids.parent.mkdir()
    write(place, tree=TREE)
    (place / "fast").write_text("")
    recorded = reprokit("record", "--json", "--", PYTHON, "tree.py", mode, pids, cwd=place)
    assert recorded.status == 0, recorded.text
    # The replay finds no `fast` (it is no input of a script that only asks whether it exists), so it hangs.
    for seconds in ("3", "30", "120"):  # on a busy machine it may not have started all of them in three
        begin = time.monotonic()
        done = reprokit(
            "replay", "tree.repro.tar.zst", "--timeout", seconds, "--json", "--isolation", isolation, cwd=place
        )
        assert time.monotonic() - begin < int(seconds) + 50
        assert done.status == 3, done.text
        document = done.json
        assert document["status"] == "unverified"
        assert document["met"] is False
        assert document["runs"][0]["timed_out"] is True
        if pids.exists() and pids.read_text().endswith("\n"):
            break
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 4
    assert wait_until(lambda: not any(map(alive, started))), [pid for pid in started if alive(pid)]


LOOP = """
    import os, sys, time
    open("early.txt", "w").write("written before")
    try:
        print("ready", os.getpid(), flush=True)
        time.sleep(120)
    except KeyboardInterrupt:
        print("stopping", flush=True)
        open("late.txt", "w").write("written while stopping")
        raise
"""


def interrupt(reprokit, place, script, *, group, number=signal.SIGINT):
    """Records a script in a group of its own, interrupts it once it has said `ready`, and waits."""
    process = subprocess.Popen(
        [reprokit.program, "record", "--", PYTHON, script], cwd=place, env=reprokit.environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        first = process.stdout.readline()
        time.sleep(0.2)  # into the sleep
        (os.killpg if group else os.kill)(process.pid, number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, first + out, err


@pytest.mark.parametrize("group", [False, True], ids=["alone", "group"])
def test_interrupted_recording_keeps_what_there_is(reprokit, tmp_path, group):
    write(tmp_path, loop=LOOP)
    status, out, err = interrupt(reprokit, tmp_path, "loop.py", group=group)
    assert status == 130, err
    assert out.split(b"\n")[1:] == [b"stopping", b""]
    shown = reprokit("inspect", "--json", "loop.repro.tar.zst", cwd=tmp_path).json
    assert shown["run"]["incomplete"] is True
    assert {os.path.basename(o["path"]) for o in shown["outputs"]} == {"early.txt", "late.txt"}
    assert not alive(int(out.split()[1]))


def test_a_signal_to_the_group_comes_once(reprokit, tmp_path):
    """`timeout` and CI systems signal the whole group; a second Ctrl-C would cut the script's clean-up short."""
    write(tmp_path, counting="""
        import signal, time
        came = []
        signal.signal(signal.SIGINT, lambda *_: came.append(1))
        print("ready", flush=True)
        end = time.monotonic() + 60
        while not came and time.monotonic() < end:
            time.sleep(0.05)
        end = time.monotonic() + 1.5  # for a second one
        while time.monotonic() < end:
            time.sleep(0.05)
        print(len(came))
    """)  # fmt: skip
    assert interrupt(reprokit, tmp_path, "counting.py", group=True)[:2] == (0, b"ready\n1\n")


def test_a_script_that_survives_an_interrupt_is_interrupted_all_the_same(reprokit, tmp_path):
    """The script decides what Ctrl-C means to it, and its status passes through; the bundle says what happened."""
    write(tmp_path, tough="""
        import time
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("saved a checkpoint", flush=True)
    """)  # fmt: skip
    status, out, _err = interrupt(reprokit, tmp_path, "tough.py", group=False)
    assert (status, out) == (0, b"ready\nsaved a checkpoint\n")
    assert reprokit("inspect", "--json", "tough.repro.tar.zst", cwd=tmp_path).json["run"]["incomplete"] is True


def test_terminated_recording(reprokit, tmp_path):
    write(tmp_path, loop=LOOP)
    status, out, err = interrupt(reprokit, tmp_path, "loop.py", group=False, number=signal.SIGTERM)
    assert status == 128 + signal.SIGTERM, err
    assert not alive(int(out.split()[1]))
    assert reprokit("inspect", "--json", "loop.repro.tar.zst", cwd=tmp_path).json["run"]["incomplete"] is True


@pytest.mark.parametrize("group", [False, True], ids=["alone", "group"])
def test_interrupted_replay_leaves_nothing(reprokit, tmp_path, group):
    place, told, room = tmp_path / "project", tmp_path / "told", tmp_path / "room"
    for directory in (place, told, room):
        directory.mkdir()
    write(place, tree=TREE)
    (place / "fast").write_text("")
    recorded = reprokit("record", "--", PYTHON, "tree.py", "plain", told / "pids", cwd=place)
    assert recorded.status == 0, recorded.text
    process = subprocess.Popen(
        [reprokit.program, "replay", "tree.repro.tar.zst", "--json"], cwd=place, stdin=subprocess.DEVNULL,
        env=reprokit.environment(TMPDIR=str(room)), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        assert wait_until(lambda: (told / "pids").exists() and (told / "pids").read_text().endswith("\n"))
        (os.killpg if group else os.kill)(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert json.loads(out)["code"] == "RPK032"
    started = [int(pid) for pid in (told / "pids").read_text().split()]
    assert wait_until(lambda: not any(map(alive, started))), [pid for pid in started if alive(pid)]
    assert not list(room.iterdir())
