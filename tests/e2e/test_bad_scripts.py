"""Scripts that do what scripts should not: they run as they would alone, and what was not seen is said."""

import json
import os
import shutil
import subprocess
import sys
import textwrap

import pytest

PYTHON = sys.executable


def write(place, text, name="run.py"):
    (place / name).write_text(textwrap.dedent(text))


def both(reprokit, tmp_path, text, *flags, stdin=b"", env=None):
    """Runs a script alone and recorded, in two equal directories that have the same path by turns."""
    place = tmp_path / "place"
    results = []
    for recorded in (False, True):
        place.mkdir()
        write(place, text)
        command = [PYTHON, *flags, "run.py"]
        if recorded:
            # The bundle is written elsewhere, so that a script that lists its directory sees the same.
            command = [reprokit.program, "record", "-o", str(tmp_path / "b.repro.tar.zst"), "--", *command]
        environment = reprokit.environment(PYTHONHASHSEED="7", **(env or {}))
        done = subprocess.run(command, cwd=place, env=environment, input=stdin, capture_output=True, timeout=120)  # noqa: PLW1510
        files = {str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*") if p.is_file()}
        results.append((done.returncode, done.stdout, done.stderr, files))
        shutil.rmtree(place)
    plain, recorded = results
    # A shell's way to say "ended by a signal", as a process that stands for another has to.
    assert recorded[0] == (plain[0] if plain[0] >= 0 else 128 - plain[0]), recorded[2]
    assert recorded[1] == plain[1]
    assert recorded[2].startswith(plain[2]), (plain[2], recorded[2])
    assert recorded[2][len(plain[2]) :].lstrip().startswith("✓ ✗"[0 if plain[0] == 0 else 2].encode())
    assert recorded[3] == plain[3]
    return plain


SCRIPTS = {
    "surroundings": """
        import os, sys
        print(sys.path, sys.argv, sys.orig_argv, sys.flags, sys.executable, sys.prefix)
        print(sorted(set(os.environ) - {"REPROKIT_OBSERVE", "PYTHONPATH"}), os.getcwd(), os.listdir("."))
        print(sys.stdout, sys.stdout.isatty(), sys.stdout.fileno(), sys.stdout is sys.__stdout__, sys.excepthook)
        print(sys.stdout.encoding, sys.stdout.errors, sys.stdout.line_buffering, type(sys.stdout.buffer), sys.stdin)
        print(sys.gettrace(), sys.getprofile(), sys.getrecursionlimit(), sys.getswitchinterval(), os.umask(18))
        print([type(finder) for finder in sys.meta_path if "reprokit" not in type(finder).__module__])
        print(sorted(os.listdir("/proc/self/fd"))[:3])
    """,
    "order-at-exit": """
        import atexit, sys, threading
        atexit.register(print, "first registered")
        atexit.register(lambda: sys.stderr.write("last registered\\n"))
        class Dying:
            def __del__(self): print("collected")
        keep = Dying()
        thread = threading.Thread(target=lambda: sys.exit(5))
        thread.start(); thread.join()
        threading.excepthook = lambda args: print("hook", args.exc_type.__name__)
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start(); thread.join()
    """,
    "signals": """
        import os, signal, time
        print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGPIPE))
        came = []
        signal.signal(signal.SIGALRM, lambda *args: came.append("alarm"))
        signal.signal(signal.SIGCHLD, lambda *args: came.append("child"))
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        time.sleep(0.1)
        os.system("true")
        print(sorted(set(came)), signal.pthread_sigmask(signal.SIG_BLOCK, []))
    """,
    "hooks": """
        import sys
        sys.excepthook = lambda kind, value, trace: print("mine", kind.__name__, value)
        sys.unraisablehook = lambda args: print("unraisable", args.exc_value)
        class Bad:
            def __del__(self): raise ValueError("in del")
        del_me = Bad(); del del_me
        raise RuntimeError("end")
    """,
    "stdout-replaced": """
        import io, os, sys
        print("before")
        old, sys.stdout = sys.stdout, io.StringIO()
        print("into memory")
        text = sys.stdout.getvalue()
        sys.stdout = old
        print("after", repr(text))
        sys.stdout = os.fdopen(os.dup(1), "w")
        print("by another descriptor")
        sys.stdout.flush()
        sys.stdout = open(1, "wb", buffering=0, closefd=False)
        sys.stdout.write(b"bytes\\n")
        sys.stdout = sys.__stdout__
        sys.stdout.reconfigure(encoding="latin-1", errors="replace", line_buffering=True)
        print("\\xe9\\u20ac")
        os.write(1, b"\\xff\\xfe raw\\n")
        sys.stdout.detach().write(b"detached\\n")
    """,
    "closes-all": """
        import os
        os.closerange(3, 4096)
        import json
        with open("a.txt", "w") as file:
            file.write("mine")
            other = open("b.txt", "w")
            other.write("also mine")
            other.close()
        import random
        print(open("a.txt").read(), open("b.txt").read())
    """,
    "os-exit": "import os\nprint('said', flush=True)\nopen('x', 'w').write('kept')\nos._exit(9)\n",
    "no-streams": """
        import os, sys
        print("last words"); sys.stdout.flush()
        os.close(0); os.close(1); os.close(2)
        files = [open(name, "w") for name in "abc"]
        for file in files: file.write(file.name + str(file.fileno()))
        for file in files: file.close()
        os._exit(4)
    """,
    "forks": """
        import os, sys, random
        random.seed(3)
        sys.stdout.flush()
        for number in range(3):
            if (pid := os.fork()) == 0:
                print("child", number); sys.stdout.flush()
                os._exit(number)
            print("ended", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            sys.stdout.flush()
        print(random.random())
    """,
    "execs": """
        import os, sys
        if len(sys.argv) == 1:
            os.execv(sys.executable, [sys.executable, sys.argv[0], "again"])
        print("in the second image", sys.argv)
    """,
    "faulthandler": """
        import faulthandler, resource, os
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        faulthandler.enable()
        print("about to crash", flush=True)
        faulthandler.enable(file=open(os.devnull, "w"))  # the report names the thread's address
        os.abort()
    """,
    "chunks": """
        import sys
        for number in range(300):
            sys.stdout.write(f"{number:6d} " + "x" * 9990 + "\\n")
        sys.stderr.write("e" * 500_000 + "\\n")
    """,
    "stdin": "import sys\nprint(input(), sys.stdin.read().upper(), sys.stdin.isatty())\n",
    "progress": """
        import sys
        for number in range(50):
            sys.stderr.write(f"\\r{number} it/s"); sys.stderr.flush()
        sys.stderr.write("\\n")
    """,
    "modules": """
        import sys
        sys.modules.pop("os"); import os
        sys.modules.pop("random", None); import random
        print(random.Random(3).random(), random.seed.__name__, random.Random.seed.__qualname__)
        class Finder:
            def find_spec(self, name, path=None, target=None):
                if name == "made_up": raise ModuleNotFoundError("my finder says no", name=name)
        sys.meta_path.insert(0, Finder())
        try: import made_up
        except ModuleNotFoundError as error: print(error)
        sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, Finder)]
        sys.path_hooks.clear(); sys.path_importer_cache.clear()
        print("done")
    """,
    "limits": """
        import resource, sys
        resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
        files = []
        try:
            while True: files.append(open("/dev/null"))
        except OSError as error:
            print("no more", error.errno)
        del files
        open("kept.txt", "w").write("kept")
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try: open("large.txt", "w").write("x" * 10_000)
        except OSError as error: print(error.errno)
        print(len(open("large.txt").read()))
    """,
    "no-directory": """
        import os, shutil
        os.mkdir("inner"); os.chdir("inner"); os.rmdir("../inner")
        try: print(os.getcwd())
        except FileNotFoundError as error: print(error)
        try: open("x", "w")
        except FileNotFoundError as error: print(error)
        os.chdir("/")
        print(os.getcwd())
    """,
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_runs_as_it_would_alone(reprokit, tmp_path, name):
    both(reprokit, tmp_path, SCRIPTS[name], stdin=b"first line\nthe rest\n")


def test_the_comparison_would_notice(reprokit, tmp_path):
    """A script that can tell that it is being recorded is told apart."""
    with pytest.raises(AssertionError):
        both(reprokit, tmp_path, "import os\nprint('REPROKIT_OBSERVE' in os.environ)\n")


@pytest.mark.parametrize(
    "flags",
    [("-u",), ("-W", "error"), ("-X", "dev"), ("-O",), ("-B",), ("-P",), ("-s",), ("-q",), ("-bb",)],
    ids=" ".join,
)  # fmt: skip
def test_interpreter_options(reprokit, tmp_path, flags):
    both(reprokit, tmp_path, """
        import sys, warnings, json, random, contextlib
        print(sys.flags, sys.warnoptions, __debug__)
        print(sys.stdout.write_through, sys.stdout.buffer.name)
        for number in range(3): print(number, end=" ")
        open("x.json", "w").write(json.dumps([1, 2]))
    """, *flags)  # fmt: skip


@pytest.mark.parametrize("flags", [("-I",), ("-S",), ("-E",), ("-IB", "-c", "open('o.txt','w').write('1')")], ids=str)
def test_an_interpreter_that_shuts_us_out_is_named(reprokit, tmp_path, flags):
    write(tmp_path, "open('o.txt', 'w').write('1')")
    command = [*flags] if "-c" in flags else [*flags, "run.py"]
    done = reprokit("record", "--json", "-o", "b.repro.tar.zst", "--", PYTHON, *command, cwd=tmp_path)
    assert done.status == 0, done.text
    (warning,) = [w for w in done.json["warnings"] if w["code"] == "RPK041"]
    assert f"started with {flags[0][:2]}" in warning["message"]
    assert done.json["streams"] == []
    assert [os.path.basename(o["path"]) for o in done.json["outputs"]] == ["o.txt"]
    replayed = reprokit("replay", "b.repro.tar.zst", "--json", cwd=tmp_path)
    assert replayed.json["scope"]["traced_steps"] == 0
    assert "RPK041" in {w["code"] for w in replayed.json["warnings"]}, replayed.text
    assert "every traced step" not in replayed.json["reason"]


def test_a_cleared_environment_is_named(reprokit, tmp_path):
    write(tmp_path, "open('o.txt', 'w').write('1')")
    done = reprokit("record", "--json", "--", "env", "-i", PYTHON, "run.py", cwd=tmp_path)
    assert "RPK041" in {w["code"] for w in done.json["warnings"]}, done.text


@pytest.mark.parametrize("how", ["run", "system", "exec", "spawn"])
def test_an_unobserved_child_of_an_observed_script_is_named(reprokit, tmp_path, how):
    """Also when it lives for a few milliseconds: nobody can have sampled it."""
    call = {
        "run": "subprocess.run([sys.executable, '-I', 'inner.py'], check=True)",
        "system": "os.system(sys.executable + ' -I inner.py')",
        "exec": "os.execv(sys.executable, [sys.executable, '-I', 'inner.py'])",
        "spawn": "os.waitpid(os.posix_spawn(sys.executable, [sys.executable, '-S', '-E', 'inner.py'], os.environ), 0)",
    }[how]
    write(tmp_path, f"import os, subprocess, sys\n{call}\n")
    write(tmp_path, "open('o.txt', 'w').write('1')", "inner.py")
    done = reprokit("record", "--json", "--", PYTHON, "run.py", cwd=tmp_path)
    assert done.status == 0, done.text
    assert "RPK041" in {w["code"] for w in done.json["warnings"]}, done.json["warnings"]


@pytest.mark.slow
@pytest.mark.parametrize("apart", [False, True])
def test_a_process_that_outlives_the_command_is_named(reprokit, tmp_path, apart):
    """What it writes is in no bundle, and a replay of the rest was bitwise without a word."""
    inner = "import os, sys; open('begun', 'w').close(); sys.stdin.read(); open('late', 'wb').write(os.urandom(9))"
    write(
        tmp_path,
        f"""
        import os, subprocess, sys, time
        subprocess.Popen([sys.executable, "-c", {inner!r}], start_new_session={apart})
        while not os.path.exists("begun"):
            time.sleep(0.01)
        open("o.txt", "w").write("1")
        """,
    )
    reading, writing = os.pipe()  # standard input: it ends when the test closes it, not after a time
    command = [reprokit.program, "record", "--json", "-o", "b.zst", "--", PYTHON, "run.py"]
    environment = reprokit.environment()
    try:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, stdin=reading, capture_output=True, timeout=120, check=True
        )
        assert not (tmp_path / "late").exists()
    finally:
        os.close(writing)
        os.close(reading)
    said = [w["message"] for w in json.loads(done.stdout)["warnings"] if w["code"] == "RPK041"]
    assert len(said) == 1, said
    assert "went on after the command had ended" in said[0]
    compared = reprokit("compare", "b.zst", "b.zst", "--json", cwd=tmp_path).json
    assert said == [w["message"] for w in compared["warnings"] if w["code"] == "RPK041"]


def test_a_script_that_writes_nothing(reprokit, tmp_path):
    write(tmp_path, "pass")
    done = reprokit("record", "--json", "--", PYTHON, "run.py", cwd=tmp_path)
    assert (done.status, done.json["outputs"], done.json["steps"]) == (0, [], 0)
    replayed = reprokit("replay", "run.repro.tar.zst", "--json", cwd=tmp_path)
    assert replayed.json["tier"] != "bitwise"
    assert replayed.status in (1, 3)


def test_names_that_are_not_utf8(reprokit, tmp_path):
    odd = os.fsencode(tmp_path) + b"/dat\xff.txt"
    with open(odd, "wb") as file:
        file.write(b"5")
    write(tmp_path, """
        import sys, os
        value = int(open(sys.argv[1]).read())
        open(b"out\\xfe\\n.txt", "w").write(str(value + 1))
        os.write(1, b"\\xff\\xfe not text\\n")
    """)  # fmt: skip
    done = reprokit("record", "--json", "-o", "b.repro.tar.zst", "--", PYTHON, "run.py", b"dat\xff.txt", cwd=tmp_path)
    assert done.status == 0, done.text
    assert len(done.json["outputs"]) == 1
    replayed = reprokit("replay", "b.repro.tar.zst", "--json", cwd=tmp_path)
    assert (replayed.status, replayed.json["tier"]) == (0, "bitwise"), replayed.text
    assert "RPK191" not in done.text + replayed.text, "what is in the lineage graph has such names, too"
    assert reprokit("replay", "b.repro.tar.zst", cwd=tmp_path).status == 0
    for verb in ("ls", "verify", "inspect", "unpack"):
        assert reprokit(verb, "b.repro.tar.zst", cwd=tmp_path).status == 0
    with open(os.fsencode(tmp_path) + b"/b-unpacked/outputs/out\xfe\n.txt", "rb") as file:
        assert file.read() == b"6"


def test_many_files(reprokit, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for number in range(5000):
        (data / f"{number:04d}.txt").write_text(f"{number}\n")
    write(tmp_path, """
        import os
        total = sum(int(open(f"data/{name}").read()) for name in os.listdir("data"))
        open("o.txt", "w").write(str(total))
    """)  # fmt: skip
    done = reprokit("record", "--json", "--", PYTHON, "run.py", cwd=tmp_path)
    assert len([e for e in done.json["inputs"] if e["role"] == "data"]) == 5000
    assert reprokit("replay", "run.repro.tar.zst", "--json", cwd=tmp_path).json["tier"] == "bitwise"


@pytest.mark.slow
def test_a_file_of_ten_gigabytes(reprokit, tmp_path):
    with open(tmp_path / "huge.bin", "wb") as file:
        file.truncate(10 << 30)
        file.seek(5 << 30)
        file.write(b"middle")
    write(tmp_path, """
        import os
        fd = os.open("huge.bin", os.O_RDONLY)
        open("o.txt", "wb").write(os.pread(fd, 6, 5 << 30))
    """)  # fmt: skip
    done = reprokit("record", "--json", "--", PYTHON, "run.py", cwd=tmp_path)
    assert done.status == 0, done.text
    (entry,) = [e for e in done.json["inputs"] if e["path"].endswith("huge.bin")]
    assert (entry["size"], entry["member"]) == (10 << 30, None)
    assert os.path.getsize(done.json["bundle"]) < 1 << 20
    assert reprokit("replay", "run.repro.tar.zst", "--json", cwd=tmp_path).json["tier"] == "bitwise"


def test_two_records_at_once_in_one_directory(reprokit, tmp_path):
    write(tmp_path, "import sys, time\ntime.sleep(0.3)\nopen(sys.argv[1], 'w').write(sys.argv[1])")
    processes = [
        subprocess.Popen([reprokit.program, "record", "--json", "--", PYTHON, "run.py", f"o{number}.txt"], cwd=tmp_path,
                         env=reprokit.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for number in range(3)
    ]  # fmt: skip
    reports = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    bundles = {report["bundle"] for report in reports}
    assert {os.path.basename(b) for b in bundles} == {"run.repro.tar.zst", "run-2.repro.tar.zst", "run-3.repro.tar.zst"}
    for report in reports:
        replayed = reprokit("replay", report["bundle"], "--json", cwd=tmp_path)
        assert replayed.status in (0, 1), replayed.text
        assert reprokit("verify", report["bundle"], cwd=tmp_path).status == 0


def test_a_module_that_is_missing_at_replay(reprokit, tmp_path):
    extra = tmp_path / "site-packages"
    place = tmp_path / "project"
    extra.mkdir()
    place.mkdir()
    (extra / "rare_module.py").write_text("VALUE = 3\n")
    write(place, "import rare_module\nopen('o.txt', 'w').write(str(rare_module.VALUE))")
    env = {"PYTHONPATH": str(extra)}
    assert reprokit("record", "--", PYTHON, "run.py", cwd=place, env=env).status == 0
    assert reprokit("replay", "run.repro.tar.zst", cwd=place, env=env).status == 0
    (extra / "rare_module.py").unlink()
    shutil.rmtree(extra)
    done = reprokit("replay", "run.repro.tar.zst", "--json", cwd=place, env=env)
    assert (done.status, done.json["code"]) == (3, "RPK010"), done.text
    assert "rare_module" in done.json["message"]


def test_no_git(reprokit, tmp_path):
    write(tmp_path, "open('o.txt', 'w').write('1')")
    (tmp_path / ".git").mkdir()
    done = reprokit("record", "--json", "--", PYTHON, "run.py", cwd=tmp_path, env={"PATH": "/nowhere"})
    assert done.status == 0, done.text
    assert "RPK049" in {w["code"] for w in done.json["warnings"]}


@pytest.mark.parametrize(("named", "tier"), [("", "bitwise"), ("val_loss", "re-runnable"), ("val_*", "re-runnable")])
def test_a_printed_metric_decides_where_it_has_a_tolerance(reprokit, tmp_path, named, tier):
    """Without one it may be a time; with one, by name or by glob, it is a metric that its owner cares for."""
    write(tmp_path, "import os; open('o.txt', 'w').write('1'); print('val_loss', int.from_bytes(os.urandom(4)) / 9)")
    if named:
        (tmp_path / "pyproject.toml").write_text(f"[tool.reprokit.tolerances]\n'{named}' = {{ rel = 1e-6 }}\n")
    assert reprokit("record", "-o", "b.repro.tar.zst", "--", PYTHON, "run.py", cwd=tmp_path).status == 0
    verdict = reprokit("replay", "b.repro.tar.zst", "--json", cwd=tmp_path).json
    assert (verdict["tier"], verdict["met"]) == (tier, tier == "bitwise")
    assert {(one["name"], one["close"]) for one in verdict["metrics"]} == {("val_loss", False)}


def test_a_replay_gets_its_own_standard_input(reprokit, tmp_path):
    write(tmp_path, "import sys; open('o.txt', 'w').write(sys.stdin.read())")
    assert reprokit("record", "-o", "b.repro.tar.zst", "--", PYTHON, "run.py", cwd=tmp_path, stdin=b"a").status == 0
    for given, tier in ((b"a", "bitwise"), (b"b", "re-runnable")):
        done = reprokit("replay", "b.repro.tar.zst", "--json", cwd=tmp_path, stdin=given)
        assert done.json["tier"] == tier, done.text
