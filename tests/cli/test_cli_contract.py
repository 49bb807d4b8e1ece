"""The command line as a contract: help texts, options, documents, exit statuses, pipes and colours."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest

from reprokit.cli import VERBS, program

PYTHON = sys.executable
GOLDEN = Path(__file__).parent / "help"
OPTIONS = {
    "record": {"-o", "--bundle", "--name", "--input", "--output", "--env-var", "--trace", "--policy", "--seed",
               "--embed-limit", "--image-digest", "--manifest", "--mlflow-run", "--no-lineage", "--json"},
    "replay": {"--runs", "--policy", "--target", "--timeout", "--env", "--data", "--isolation", "--trust",
               "--show-output", "--no-lineage", "--json"},
    "compare": {"--target", "--json"},
    "verify": {"--policy", "--lineage", "--json"},
    "inspect": {"--json"},
    "ls": {"-l", "--long", "--json"},
    "unpack": {"--prefix", "--json"},
    "manifest": set(),  # its verbs: test_groups.py
    "lineage": set(),  # its verbs: test_groups.py
    "rebuild": {"--due", "--older-than", "--runs", "--target", "--timeout", "--trust", "--json"},
    "badge": {"-o", "--output", "--check", "--json"},
    "doctor": {"--json", "--no-probe", "--switches"},
    "price": {"--rounds", "--budget", "--policy", "--switch", "--target", "--order-seed", "-o", "--output", "--name",
              "--timeout", "--data", "--isolation", "--trust", "--markdown", "--json"},
    "lint": {"--select", "--ignore", "--exclude", "--torch-version", "--tensorflow-version", "--report-unused",
             "--format", "--json"},
    "explain-code": {"--json"},
    "demo": {"--framework", "--runs", "--json"},
    "completion": set(),
}  # fmt: skip
"""Adding an option is a decision: it stands here, in the help and in the documentation."""


def verb(name):
    found = program.get_command(click.Context(program), name)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def place(reprokit, tmp_path_factory):
    """A directory with a bundle and a verdict."""
    directory = tmp_path_factory.mktemp("cli")
    (directory / "train.py").write_text(
        "import json\njson.dump({'loss': 0.5}, open('metrics.json', 'w'))\nprint('trained')\n"
    )
    assert reprokit("record", "--", PYTHON, "train.py", cwd=directory).status == 0
    done = reprokit("replay", "train.repro.tar.zst", "--json", cwd=directory)
    assert done.status == 0, done.text
    (directory / "verdict.json").write_bytes(done.stdout)
    return directory


def test_every_verb_is_listed_here():
    assert set(VERBS) == set(OPTIONS)


@pytest.mark.parametrize("name", OPTIONS)
def test_options_are_frozen(name):
    found = {
        text for one in verb(name).params if isinstance(one, click.Option) for text in (*one.opts, *one.secondary_opts)
    }
    assert found == OPTIONS[name]


@pytest.mark.parametrize("name", ["", *VERBS])
def test_help(reprokit, tmp_path, name):
    """`REWRITE_HELP=1 pytest tests/cli` writes the files anew; read the difference before you commit it."""
    done = reprokit(*([name] if name else []), "--help", cwd=tmp_path, env={"COLUMNS": "80"})
    assert done.status == 0
    assert done.stderr == b""
    golden = GOLDEN / f"{name or 'reprokit'}.txt"
    if os.environ.get("REWRITE_HELP"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_bytes(done.stdout)
    assert done.stdout.decode() == golden.read_text()
    short = reprokit(*([name] if name else []), "-h", cwd=tmp_path, env={"COLUMNS": "80"})
    assert short.stdout == done.stdout


DOCUMENTS = {
    "record": (("record", "-o", "OUT/new.zst", "--json", "--", PYTHON, "train.py"), "reprokit.record/1"),
    "replay": (("replay", "train.repro.tar.zst", "--json"), "reprokit.verdict/1"),
    "compare": (("compare", "train.repro.tar.zst", "train.repro.tar.zst", "--json"), "reprokit.verdict/1"),
    "verify": (("verify", "train.repro.tar.zst", "--json"), "reprokit.verify/1"),
    "inspect": (("inspect", "train.repro.tar.zst", "--json"), "reprokit.manifest/1"),
    "ls": (("ls", "train.repro.tar.zst", "--json"), "reprokit.ls/1"),
    "unpack": (("unpack", "train.repro.tar.zst", "OUT/unpacked", "--json"), "reprokit.unpack/1"),
    "rebuild": (("rebuild", "train.repro.tar.zst", "--json"), "reprokit.rebuild/1"),
    "badge": (("badge", "verdict.json", "-o", "OUT/badge.svg", "--json"), "reprokit.badge/1"),
    "doctor": (("doctor", "--no-probe", "--json"), "reprokit.doctor/1"),
    "price": (("price", "train.repro.tar.zst", "--rounds", "2", "--json"), "reprokit.price/1"),
    "lint": (("lint", "train.py", "--json"), "reprokit.lint/1"),
    "explain-code": (("explain-code", "RPK012", "--json"), "reprokit.codes/1"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_json_is_one_document_with_a_schema(reprokit, place, tmp_path, name):
    arguments, schema = DOCUMENTS[name]
    done = reprokit(*(a.replace("OUT", str(tmp_path)) for a in arguments), cwd=place)
    assert done.status == 0, done.text
    assert done.json["schema"] == schema


def test_switches_are_listed_for_people_and_programs(reprokit, tmp_path):
    from reprokit.policy.switches import SWITCHES

    done = reprokit("doctor", "--switches", "--json", cwd=tmp_path)
    assert (done.status, done.json["schema"]) == (0, "reprokit.switches/1")
    assert [row["name"] for row in done.json["switches"]] == list(SWITCHES)
    shown = reprokit("doctor", "--switches", cwd=tmp_path, env={"COLUMNS": "80"})
    assert shown.status == 0
    lines = shown.stdout.decode().splitlines()
    assert max(map(len, lines)) <= 80
    assert set(SWITCHES) <= set(lines)
    assert "since  torch 1.8 (warn: 1.11)" in lines
    assert "values off, warn, strict" in lines


def test_every_verb_with_json_has_a_document_here():
    with_json = {name for name, options in OPTIONS.items() if "--json" in options}
    assert with_json - set(DOCUMENTS) == {"demo"}  # has tests of its own


def test_the_fields_that_are_promised(reprokit, place, tmp_path):
    recorded = reprokit("record", "-o", tmp_path / "n.zst", "--json", "--", PYTHON, "train.py", cwd=place)
    promised = {"schema", "bundle", "id", "exit_status", "steps", "inputs", "outputs", "observers", "warnings"}
    assert promised <= recorded.json.keys()
    assert b"trained\n" in recorded.stderr
    verdict = json.loads((place / "verdict.json").read_text())
    assert {
        "schema", "bundle", "tier", "target", "met", "status", "between_replays", "runs", "outputs", "metrics",
        "divergence", "scope",
    } <= verdict.keys()  # fmt: skip
    assert {"path", "equal", "method"} <= verdict["outputs"][0].keys()
    assert {"name", "recorded", "replayed", "close", "rule"} <= verdict["metrics"][0].keys()


WRONG = [
    (("nonsense",), 2, "RPK001"),
    (("replay",), 2, "RPK001"),
    (("replay", "train.repro.tar.zst", "--runs", "0"), 2, "RPK001"),
    (("replay", "train.repro.tar.zst", "--target", "perfect"), 2, "RPK001"),
    (("replay", "train.repro.tar.zst", "--timeout", "-1"), 2, "RPK001"),
    (("replay", "train.repro.tar.zst", "--data", "nothing"), 2, "RPK001"),
    (("verify", "--colour"), 2, "RPK001"),
    (("record", "--embed-limit", "much", "--", "true"), 2, "RPK001"),
    (("record", "--trace", "all", "--", "true"), 2, "RPK001"),
    (("record", "--json"), 2, "RPK001"),
    (("record", "--input", "no-such-*.csv", "--", PYTHON, "-c", "1"), 2, "RPK006"),
    (("explain-code", "RPK999"), 2, "RPK001"),
    (("lint", "no-such.py"), 2, "RPK003"),
    (("lint", "train.py", "--select", "RPL999"), 2, "RPK130"),
    (("lint", "train.py", "--torch-version", "new"), 2, "RPK130"),
    (("lint", "train.py", "--exclude", "*.zst", "--format", "html"), 2, "RPK001"),
    (("compare", "train.repro.tar.zst", "."), 2, "RPK001"),
    (("badge", "no-such.json"), 2, "RPK003"),
    (("price", "train.repro.tar.zst", "--rounds", "1"), 2, "RPK001"),
    (("price", "train.repro.tar.zst", "--policy", "fats"), 2, "RPK120"),
    (("price", "train.repro.tar.zst", "--switch", "torch.seed=1"), 2, "RPK137"),
    (("price", "train.repro.tar.zst", "--budget", "0.001"), 3, "RPK136"),
    (("replay", "no-such.zst"), 2, "RPK003"),
    (("rebuild", "no-such.zst"), 2, "RPK003"),
    (("rebuild", "train.repro.tar.zst", "--older-than", "3"), 2, "RPK001"),
    (("verify", "no-such.zst", "--policy", "release"), 2, "RPK003"),
    (("verify", "train.repro.tar.zst", "--policy", "nightly"), 2, "RPK146"),
    (("verify", "train.repro.tar.zst", "--lineage", "graph.json"), 2, "RPK001"),
    (("replay", "verdict.json"), 4, "RPK020"),
]


@pytest.mark.parametrize(
    ("arguments", "status", "code"), [pytest.param(*case, id=" ".join(case[0])[:40]) for case in WRONG]
)
def test_errors(reprokit, place, arguments, status, code):
    at = arguments.index("--") if "--" in arguments else len(arguments)
    with_json = (*arguments[:at], *(() if "--json" in arguments else ("--json",)), *arguments[at:])
    done = reprokit(*with_json, cwd=place)
    assert (done.status, done.json["code"], done.json["schema"]) == (status, code, "reprokit.error/1"), done.text
    assert done.json["exit_status"] == status
    plain = reprokit(*(a for a in arguments if a != "--json"), cwd=place)
    assert plain.status == status
    assert plain.stdout == b""
    assert plain.stderr.decode().startswith(f"error {code}: ")
    assert "Traceback" not in plain.text


def test_a_model_that_is_taken_for_a_bundle_is_told_of_the_policy(reprokit, place):
    done = reprokit("verify", "verdict.json", "--json", cwd=place)
    assert (done.status, done.json["code"]) == (4, "RPK020")
    assert done.json["message"].startswith("verdict.json: ")
    assert "--policy release" in done.json["hint"]


def test_target_not_met_is_one(reprokit, place, tmp_path):
    (tmp_path / "train.py").write_text("import json\njson.dump({'loss': 0.75}, open('metrics.json', 'w'))\n")
    assert reprokit("record", "--", PYTHON, "train.py", cwd=tmp_path).status == 0
    pair = (place / "train.repro.tar.zst", tmp_path / "train.repro.tar.zst")
    assert reprokit("compare", *pair, cwd=tmp_path).status == 1
    assert reprokit("compare", *pair, "--target", "re-runnable", cwd=tmp_path).status == 0


def test_the_commands_own_json_option_is_not_ours(reprokit, tmp_path):
    done = reprokit(
        "record", "-o", "b.zst", "--", PYTHON, "-c", "import sys; print(sys.argv[1:])", "--json", cwd=tmp_path
    )
    assert done.stdout == b"['--json']\n"


@pytest.mark.parametrize(
    "arguments", [("ls", "big.zst"), ("inspect", "big.zst"), ("explain-code",), ("inspect", "gone.zst"), ("--help",)]
)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_reader_that_leaves_early(reprokit, tmp_path, arguments, as_json):
    """`reprokit … | head -1` says nothing of pipes."""
    if as_json and arguments == ("--help",):
        pytest.skip("help has no JSON")
    (tmp_path / "many.py").write_text("for n in range(3000): open('a_rather_long_name_%05d.txt' % n, 'w')\n")
    if "big.zst" in arguments:
        assert reprokit("record", "-o", "big.zst", "--", PYTHON, "many.py", cwd=tmp_path).status == 0
    process = subprocess.Popen(
        [reprokit.program, *arguments, *(["--json"] if as_json else [])], cwd=tmp_path, env=reprokit.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == (2 if "gone.zst" in arguments else 0), err
    assert b"Traceback" not in err
    assert b"Broken" not in err
    assert b"Exception ignored" not in err


@pytest.mark.parametrize("arguments", [("explain-code",), ("explain-code", "--json"), ("--help",)])
def test_a_reader_that_leaves_early_where_nothing_is_buffered(reprokit, tmp_path, arguments):
    """As containers tell Python not to."""
    command = '"$0" "$@" | true; exit "${PIPESTATUS[0]}"'
    done = subprocess.run(
        ["bash", "-c", command, reprokit.program, *arguments], cwd=tmp_path, capture_output=True, timeout=60,
        env=reprokit.environment(PYTHONUNBUFFERED="1"), check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_verdict_keeps_its_status_when_nobody_reads_it(reprokit, place, tmp_path):
    (tmp_path / "train.py").write_text("import json\njson.dump({'loss': 0.75}, open('metrics.json', 'w'))\n")
    assert reprokit("record", "--", PYTHON, "train.py", cwd=tmp_path).status == 0
    pair = (place / "train.repro.tar.zst", "train.repro.tar.zst")
    command = '"$0" compare "$1" "$2" | true; exit "${PIPESTATUS[0]}"'
    done = subprocess.run(
        ["bash", "-c", command, reprokit.program, *pair],
        cwd=tmp_path,
        env=reprokit.environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"")


def on_a_terminal(reprokit, cwd, *arguments, **env):
    """What a command shows on a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [reprokit.program, *arguments], cwd=cwd, env=reprokit.environment(TERM="xterm-256color", **env),
        stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    shown = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(master)
    process.wait(60)
    return shown


def test_colours_on_a_terminal_only(reprokit, place):
    bundle = "train.repro.tar.zst"
    assert b"\x1b[" in on_a_terminal(reprokit, place, "replay", bundle)
    assert b"\x1b[" in on_a_terminal(reprokit, place, "verify", "gone.zst")
    assert b"\x1b[" not in reprokit("replay", bundle, cwd=place).stdout
    assert b"\x1b[" not in reprokit("verify", "gone.zst", cwd=place).stderr


@pytest.mark.parametrize(
    "arguments", [("verify", "gone.zst"), ("inspect", "train.repro.tar.zst"), ("doctor", "--no-probe")]
)
def test_no_color(reprokit, place, arguments):
    shown = on_a_terminal(reprokit, place, *arguments, NO_COLOR="1")
    assert b"\x1b[3" not in shown
    assert b"\x1b[9" not in shown


def test_completion(reprokit, tmp_path):
    for shell in ("bash", "zsh", "fish"):
        done = reprokit("completion", shell, cwd=tmp_path)
        assert done.status == 0
        assert b"_REPROKIT_COMPLETE" in done.stdout
    env = {"_REPROKIT_COMPLETE": "bash_complete", "COMP_WORDS": "reprokit re", "COMP_CWORD": "1"}
    done = reprokit(cwd=tmp_path, env=env)
    assert {line.split(",")[1] for line in done.stdout.decode().split()} == {"rebuild", "record", "replay"}


def test_version_and_codes(reprokit, tmp_path):
    from reprokit import __version__
    from reprokit.errors import CATALOGUE

    assert __version__.encode() in reprokit("--version", cwd=tmp_path).stdout
    listed = reprokit("explain-code", cwd=tmp_path).stdout.decode()
    assert [line.split()[0] for line in listed.splitlines()] == list(CATALOGUE)
    for code in CATALOGUE:
        assert CATALOGUE[code].why
        assert CATALOGUE[code].remedy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.reprokit]\noutput = ['x']\n", "output"),
        ("[tool.reprokit]\ntarget = 'perfect'\n", "target"),
        ("[tool.reprokit]\nembed_limit = 'much'\n", "embed_limit"),
        ("[tool.reprokit]\nenv = 'HOME'\n", "env"),
        ("[tool.reprokit]\ntimeout = -3\n", "timeout"),
        ("[tool.reprokit.tolerances.loss]\nrelative = 0.1\n", "tolerances.loss.relative"),
        ("[tool.reprokit]\nmetrics = ['(?P<name>x']\n", "metrics"),
        ("[tool.reprokit]\nignore_lines = ['*']\n", "ignore_lines"),
        ("[tool.reprokit\n", "pyproject.toml"),
        ("[tool]\nreprokit = 3\n", "reprokit"),
        ("tool = 3\n", None),
        ("\xff\xfe", "pyproject.toml"),
    ],
)
@pytest.mark.parametrize("verb", ["record", "compare"])
def test_configuration_that_is_wrong(reprokit, place, tmp_path, text, said, verb):
    (tmp_path / "sub").mkdir()
    (tmp_path / "pyproject.toml").write_bytes(text.encode("latin-1"))
    bundle = place / "train.repro.tar.zst"
    arguments = (
        ("compare", bundle, bundle, "--json") if verb == "compare" else ("record", "--json", "--", PYTHON, "-c", "1")
    )
    done = reprokit(*arguments, cwd=tmp_path / "sub")
    if said is None:  # somebody else's table is none of our business
        assert done.status == 0, done.text
        return
    assert (done.status, done.json["code"]) == (2, "RPK004"), done.text
    assert said in done.json["message"]
    assert list((tmp_path / "sub").iterdir()) == []
