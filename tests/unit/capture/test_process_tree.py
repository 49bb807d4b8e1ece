import os
import signal
import subprocess
import sys
import time

import pytest

from reprokit.capture import process_tree
from reprokit.capture.process_tree import OpenFile, ProcessWatch, become_subreaper, is_python, python_flags

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")


@pytest.mark.parametrize(
    ("line", "flags"),
    [
        ("python train.py", set()),
        ("python -I train.py", {"-I"}),
        ("/usr/bin/python3.12 -sE train.py", {"-E"}),
        ("python3 -IBc pass", {"-I"}),
        ("python -S -E x.py", {"-S", "-E"}),
        ("python x.py -I -E", set()),
        ("python -m mod -S", set()),
        ("python -mmod -S", set()),
        ("python -c code -E", set()),
        ("python -X dev -I x.py", {"-I"}),
        ("python -Xdev -W ignore -S x.py", {"-S"}),
        ("python -Wignore::E -u x.py", set()),
        ("python -X -I x.py", set()),
        ("python --check-hash-based-pycs -I x.py", set()),
        ("python --check-hash-based-pycs always -I x.py", {"-I"}),
        ("python - -I", set()),
        ("python -- -I", set()),
        ("python", set()),
        ("python3.13t -S", {"-S"}),
        ("pypy3 -E x.py", {"-E"}),
        ("bash -E x.sh", set()),
        ("/opt/python-tools/run -I", set()),
        ("pythonista -I", set()),
    ],
)
def test_python_flags(line, flags):
    assert python_flags(line.split()) == flags


def test_python_flags_agree_with_the_interpreter():
    code = "import sys; f = sys.flags; print(f.isolated, f.ignore_environment, f.no_site)"
    for options in (["-I"], ["-sE"], ["-BS"], ["-X", "utf8", "-ES"], ["-u"]):
        command = [sys.executable, *options, "-c", code]
        isolated, ignoring, siteless = subprocess.check_output(command, text=True).split()
        flags = python_flags(command)
        assert ("-I" in flags) == (isolated == "1")
        assert ("-E" in flags or "-I" in flags) == (ignoring == "1")
        assert ("-S" in flags) == (siteless == "1")


def test_no_arguments():
    assert python_flags([]) == set()
    assert not is_python("", ())


def test_python_by_its_program_or_by_what_it_was_called():
    assert is_python(sys.executable, ())
    assert is_python("/opt/odd-name", ("python3", "x.py"))
    assert not is_python("/bin/bash", ("bash", "python3"))


def _start(code, *arguments, **options):
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, **options)
    assert process.stdout.readline() == "ready\n"
    return process


def _stop(process):
    with process:
        process.kill()


@linux
def test_files_that_native_code_holds(tmp_path):
    for name in ("read", "mapped", "updated"):
        (tmp_path / name).write_bytes(bytes(4096))
    code = (
        "import mmap, os, sys, time; os.chdir(sys.argv[1]); r = os.open('read', os.O_RDONLY);"
        "m = os.open('mapped', os.O_RDONLY); v = mmap.mmap(m, 0, prot=mmap.PROT_READ); os.close(m);"
        "w = os.open('written', os.O_WRONLY | os.O_CREAT); u = os.open('updated', os.O_RDWR);"
        "print('ready', flush=True); time.sleep(60)"
    )
    process = _start(code, str(tmp_path))
    watch = ProcessWatch(process.pid)
    watch.start()
    _stop(process)
    (seen,) = watch.stop()
    held = {item for item in seen.files if item.path.startswith(str(tmp_path))}
    expected = {("read", "r"), ("mapped", "map"), ("written", "w"), ("updated", "rw")}
    # A mapping keeps a descriptor of its own in CPython.
    assert held - {OpenFile(str(tmp_path / "mapped"), "r")} == {OpenFile(str(tmp_path / n), m) for n, m in expected}
    assert not any(item.path.endswith(".so") for item in seen.files)
    assert os.path.realpath(seen.executable) == os.path.realpath(sys.executable)


@linux
def test_children_and_orphans_belong_to_the_run():
    code = (
        "import subprocess, sys, time, os;"
        "c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', '--token', 'hunter2'],"
        " start_new_session=True, stdout=subprocess.DEVNULL);"
        "print('ready', flush=True); sys.stdin.read(); os._exit(0)"
    )
    process = _start(code, stdin=subprocess.PIPE)
    watch = ProcessWatch(process.pid, interval=0.02)
    watch.start()
    time.sleep(0.1)
    process.stdin.close()
    process.wait()
    process.stdout.close()
    time.sleep(0.1)  # the grandchild is an orphan now, and still watched
    seen = watch.stop()
    assert [one.parent for one in seen][1:] == [process.pid]
    assert seen[1].arguments[-2:] == ("--token", "[redacted]")
    os.kill(seen[1].pid, signal.SIGKILL)


@linux
def test_a_process_of_the_session_is_adopted_after_its_parent_has_ended():
    # The parent ends before the first sample; the session still tells whose the orphan is.
    code = (
        "import subprocess, sys, os; c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],"
        "stdout=subprocess.DEVNULL); print('ready', flush=True); print(c.pid, flush=True); os._exit(0)"
    )
    process = _start(code, start_new_session=True)
    orphan = int(process.stdout.readline())
    process.wait()
    process.stdout.close()
    watch = ProcessWatch(process.pid)
    watch.start()
    seen = {one.pid for one in watch.stop()}
    os.kill(orphan, signal.SIGKILL)
    assert orphan in seen


@linux
def test_a_child_whose_number_is_lower_than_its_parents_belongs_to_the_run(monkeypatch):
    """Numbers begin anew at `kernel.pid_max`, 32768 on many machines: here between a parent and its child."""
    root, child, grandchild, other = 9_000_004, 9_000_002, 9_000_001, 9_000_003  # more than Linux gives
    records = {root: (1, 1, 7), child: (root, child, 7), grandchild: (child, child, 7), other: (1, other, 7)}
    monkeypatch.setattr(process_tree, "_stat", records.get)
    monkeypatch.setattr(process_tree.os, "listdir", lambda _: map(str, records))
    watch = ProcessWatch(root)
    watch._sample()
    assert {one.pid for one in watch.stop()} == {root, child, grandchild}


@linux
def test_other_processes_stay_out():
    process = _start("import time; print('ready', flush=True); time.sleep(60)")
    other = _start("import time; print('ready', flush=True); time.sleep(60)")
    watch = ProcessWatch(process.pid)
    watch.start()
    seen = {one.pid for one in watch.stop()}
    _stop(process)
    _stop(other)
    assert seen == {process.pid}


@linux
def test_a_root_that_is_already_gone():
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    watch = ProcessWatch(process.pid)
    watch.start()
    assert watch.stop() == []


@linux
def test_sampling_is_cheap():
    process = _start("import time; print('ready', flush=True); time.sleep(60)")
    watch = ProcessWatch(process.pid)
    watch.start()
    clock = time.pthread_getcpuclockid(watch._thread.ident)  # of its thread alone: other tests left some of theirs
    before = time.clock_gettime(clock)
    time.sleep(2)
    spent = time.clock_gettime(clock) - before
    watch.stop()
    _stop(process)
    assert spent / 2 < 0.02  # measured 0.003; the bound leaves room for a busy machine


@linux
def test_subreaper_is_set_in_a_process_of_its_own():
    code = "from reprokit.capture.process_tree import become_subreaper; print(become_subreaper())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    assert callable(become_subreaper)
