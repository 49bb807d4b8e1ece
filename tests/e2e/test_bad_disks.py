"""Disks that are full and directories that cannot be written: an error before the run, or nothing lost after it."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

PYTHON = sys.executable
TRAIN = """
    import json, os
    with open("weights.bin", "wb") as file:
        file.write(os.urandom(SIZE))
    json.dump({"loss": 0.5}, open("m.json", "w"))
    print("trained")
"""


@pytest.fixture
def project(tmp_path):
    place = tmp_path / "project"
    place.mkdir()
    (place / "run.py").write_text(textwrap.dedent(TRAIN).replace("SIZE", "3_000_000"))
    return place


@pytest.fixture(scope="module")
def mounting():
    """A prefix that runs a command where it may mount."""
    prefix = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    try:
        done = subprocess.run([*prefix, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, timeout=30)  # noqa: PLW1510
    except OSError as error:
        pytest.skip(f"no unshare: {error}")
    if done.returncode:
        pytest.skip(f"this machine allows no mount namespace: {done.stderr.decode()}")
    return prefix


def with_small_disk(reprokit, prefix, at, size, command, cwd, then="", **env):
    """Runs reprokit with a tmpfs of `size` at `at`; `then` is a shell command that looks at it afterwards."""
    at.mkdir(exist_ok=True)
    script = f'mount -t tmpfs -o size={size} none "$0" || exit 99; "$@"; s=$?; {then or ":"}; exit $s'
    done = subprocess.run(
        [*prefix, "sh", "-c", script, at, reprokit.program, *command], cwd=cwd, env=reprokit.environment(**env),
        capture_output=True, timeout=120, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode != 99, done.stderr
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done


@pytest.mark.parametrize("where", ["missing", "file", "directory", "not-a-bundle"])
def test_a_target_that_cannot_be(reprokit, project, tmp_path, where):
    """Said before the run: nobody wants to learn it after ten hours."""
    (tmp_path / "file").write_text("text")
    (tmp_path / "file.zst").write_text("text")
    (tmp_path / "directory.zst").mkdir()
    target = {
        "missing": tmp_path / "missing" / "b.repro.tar.zst",
        "file": tmp_path / "file" / "b.repro.tar.zst",
        "directory": tmp_path / "directory.zst",
        "not-a-bundle": tmp_path / "file.zst",
    }[where]
    done = reprokit("record", "--json", "-o", target, "--", PYTHON, "run.py", cwd=project)
    assert (done.status, done.json["code"]) == (2, "RPK005"), done.text
    assert not (project / "weights.bin").exists()
    assert (tmp_path / "file").read_text() == (tmp_path / "file.zst").read_text() == "text"


@pytest.mark.parametrize("given", [True, False])
def test_a_read_only_directory(reprokit, mounting, project, tmp_path, given):
    command = [
        "record",
        "--json",
        *(["-o", f"{tmp_path}/ro/b.repro.tar.zst"] if given else []),
        "--",
        PYTHON,
        "-c",
        "1",
    ]
    readonly = tmp_path / "ro"
    readonly.mkdir()
    script = 'mount -t tmpfs -o ro none "$0" || exit 99; cd "$1"; shift; "$@"'
    done = subprocess.run(
        [*mounting, "sh", "-c", script, readonly, project if given else readonly, reprokit.program, *command],
        env=reprokit.environment(), capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["code"] == "RPK005"


def test_no_room_for_the_bundle(reprokit, mounting, project, tmp_path):
    """The bundle does not fit: the run's files stay, its recording is kept, the message says where."""
    full, room = tmp_path / "full", tmp_path / "room"
    room.mkdir()
    target = full / "b.repro.tar.zst"
    done = with_small_disk(
        reprokit, mounting, full, "1m", ["record", "--json", "-o", target, "--", PYTHON, "run.py"], project,
        f'ls -A "{full}" > "{tmp_path}/left"', TMPDIR=str(room),
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    error = json.loads(done.stdout)
    assert error["code"] == "RPK005"
    assert (project / "weights.bin").stat().st_size == 3_000_000
    assert (tmp_path / "left").read_text() == ""  # no half bundle, no temporary file
    (kept,) = room.iterdir()
    assert str(kept) in error["message"]
    assert (kept / "logs" / "stdout.txt").read_text() == "trained\n"


def test_a_bundle_that_exists_survives_a_full_disk(reprokit, mounting, project, tmp_path):
    full = tmp_path / "full"
    script = textwrap.dedent(TRAIN).replace("SIZE", "1000")
    (project / "small.py").write_text(script)
    assert reprokit("record", "-o", tmp_path / "old.zst", "--", PYTHON, "small.py", cwd=project).status == 0
    before = (tmp_path / "old.zst").read_bytes()
    full.mkdir()
    shell = (
        'mount -t tmpfs -o size=1m none "$0" || exit 99; cp "$1" "$0/b.zst"; p=$1; shift; "$@"; s=$?;'
        'cmp "$p" "$0/b.zst" || s=98; exit $s'
    )
    done = subprocess.run(
        [*mounting, "sh", "-c", shell, full, tmp_path / "old.zst", reprokit.program, "record", "--json", "-o",
         full / "b.zst", "--", PYTHON, "run.py"],
        cwd=project, env=reprokit.environment(TMPDIR=str(tmp_path)), capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert (tmp_path / "old.zst").read_bytes() == before


@pytest.mark.parametrize("size", ["64k", "8k"])
def test_no_room_for_the_observers(reprokit, mounting, project, tmp_path, size):
    """The temporary directory is full while the run goes on: the run is undisturbed."""
    (project / "noisy.py").write_text(
        "import os\nfor n in range(600):\n    open(f'o{n}.txt', 'w').write('x' * 300)\n"
        "print('y' * 200_000)\nimport random, json\nprint(random.Random(1).random())\n"
    )
    plain = subprocess.run([PYTHON, "noisy.py"], cwd=project, capture_output=True, timeout=60, check=True)
    done = with_small_disk(
        reprokit, mounting, tmp_path / "small", size, ["record", "--", PYTHON, "noisy.py"], project,
        TMPDIR=str(tmp_path / "small"),
    )  # fmt: skip
    assert len(list(project.glob("o*.txt"))) == 600 or b"RPK005" in done.stderr
    if plain.stdout in done.stdout:
        assert done.stdout == plain.stdout
        assert done.returncode in (0, 2), done.stderr
    else:  # refused before the run
        assert done.returncode == 2
        assert done.stdout == b""
        assert b"RPK005" in done.stderr


def test_no_room_for_a_replay(reprokit, mounting, project, tmp_path):
    assert reprokit("record", "-o", "b.repro.tar.zst", "--", PYTHON, "run.py", cwd=project).status == 0
    done = with_small_disk(
        reprokit, mounting, tmp_path / "small", "1m", ["replay", "--json", "b.repro.tar.zst"], project,
        TMPDIR=str(tmp_path / "small"),
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert document.get("tier") != "bitwise"
    assert done.returncode in (1, 2, 3), done.stderr
    assert document.get("code") != "RPK031", done.stdout


@pytest.mark.parametrize(
    "verb", [("unpack", "b.repro.tar.zst", "small/out"), ("compare", "b.repro.tar.zst", "b.repro.tar.zst")]
)
def test_no_room_for_what_is_unpacked(reprokit, mounting, project, tmp_path, verb):
    assert reprokit("record", "-o", tmp_path / "b.repro.tar.zst", "--", PYTHON, "run.py", cwd=project).status == 0
    done = with_small_disk(
        reprokit, mounting, tmp_path / "small", "1m", [*verb, "--json"], tmp_path, TMPDIR=str(tmp_path / "small")
    )
    assert done.returncode == 2, done.stderr
    assert json.loads(done.stdout)["code"] == "RPK005"


def test_a_limit_on_file_size(reprokit, project):
    """RLIMIT_FSIZE hits the run as it would without us, and the bundle with RPK005."""
    shell = 'ulimit -f 200; trap "" XFSZ; "$@"'
    (project / "run.py").write_text(
        "try:\n    open('w.bin', 'wb').write(bytes(1_000_000))\nexcept OSError as error:\n    print(error.errno)\n"
    )
    done = subprocess.run(
        ["bash", "-c", shell, "x", reprokit.program, "record", "--", PYTHON, "run.py"], cwd=project,
        env=reprokit.environment(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == b"27\n"
    assert done.returncode == 0, done.stderr
