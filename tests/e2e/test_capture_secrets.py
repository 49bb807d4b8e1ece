"""Secrets never reach a bundle: its unpacked bytes are searched for them."""

import os
import subprocess
import sys
import textwrap

import pytest

PYTHON = sys.executable
SECRETS = {
    "environment": "env-4f9c1e77b2d04a6c",
    "argument": "arg-93b1f0c2aa784d1e",
    "assignment": "asg-5b1c8e77d0f24c9b",
    "diff": "dif-a7720c3e914b4f58",
    "printed": "prt-1c9e4b7702fd4a83",
    "errors": "err-77d0e5a1c3b84f29",
    "url": "url-e2a49b5c80714d6f",
    "remote": "rem-0b6f2d91c57e4a38",
    "kept": "kpt-6a3d8f1e94c24b70",
}
AWS = "AKIAIOSFODNN7EXAMPLE"
GITHUB = "ghp_" + "a1B2c3D4e5F6" * 3


@pytest.fixture(scope="module")
def recorded(reprokit, tmp_path_factory):
    place = tmp_path_factory.mktemp("secret")
    script = """
        import json, os, sys
        print("password=" + os.environ["MY_PASSWORD"].replace("env-", "env-"))
        print("token: %(printed)s")
        print("cloning https://user:%(url)s@example.org/repo.git")
        print("key is %(aws)s and %(github)s")
        sys.stderr.write("api_key = '%(errors)s'\\n")
        json.dump({"loss": 0.5}, open("m.json", "w"))
    """
    text = textwrap.dedent(script).replace('"token: %(printed)s"', '"token: " + sys.argv[-1]')
    # What the script prints is handed to it, so that the code in the bundle does not hold it by itself.
    for name in ("url", "errors"):
        text = text.replace(f"%({name})s", f'" + os.environ["{name.upper()}_SECRET"] + "')
    text = text.replace("%(aws)s", '" + os.environ["AWS_ACCESS_KEY_ID"] + "').replace(
        "%(github)s", '" + os.environ["GITHUB_TOKEN"] + "'
    )
    text = text.replace("""'" + os.environ["ERRORS_SECRET"] + "'""", """" + os.environ["ERRORS_SECRET"] + \"""")
    (place / "run.py").write_text(text)
    (place / "settings.txt").write_text("learning_rate = 0.1\n")
    git = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "run.py", "settings.txt"], ["commit", "-qm", "start"],
                    ["remote", "add", "origin", f"https://me:{SECRETS['remote']}@example.org/x.git"]):  # fmt: skip
        subprocess.run([*git, *command], cwd=place, check=True, timeout=60)
    (place / "settings.txt").write_text(f"learning_rate = 0.2\nDB_PASSWORD = '{SECRETS['diff']}'\n")
    environment = {
        "MY_PASSWORD": SECRETS["environment"], "URL_SECRET": SECRETS["url"], "ERRORS_SECRET": SECRETS["errors"],
        "AWS_ACCESS_KEY_ID": AWS, "GITHUB_TOKEN": GITHUB, "HF_HUB_TOKEN": SECRETS["kept"],
        "TORCH_TOKEN": SECRETS["kept"],
    }  # fmt: skip
    done = reprokit(
        "record", "--json", "-o", "b.repro.tar.zst", "--env-var", "MY_PASSWORD", "--env-var", "HF_*", "--", PYTHON,
        "run.py", "--api-key", SECRETS["argument"], f"--password={SECRETS['assignment']}", SECRETS["printed"],
        cwd=place, env=environment,
    )  # fmt: skip
    assert done.status == 0, done.text
    unpacked = place / "unpacked"
    assert reprokit("unpack", "b.repro.tar.zst", unpacked, cwd=place).status == 0
    return place, done, unpacked


def holders(unpacked, secret):
    return [
        str(p.relative_to(unpacked)) for p in unpacked.rglob("*") if p.is_file() and secret.encode() in p.read_bytes()
    ]


@pytest.mark.parametrize("kind", [*SECRETS, "aws", "github"])
def test_no_secret_is_in_the_bundle(recorded, kind):
    _place, _done, unpacked = recorded
    secret = {**SECRETS, "aws": AWS, "github": GITHUB}[kind]
    if kind == "printed":
        # An argument that nothing marks as a secret stays; where it is printed after `token:` it does not.
        assert secret.encode() not in (unpacked / "logs" / "stdout.txt").read_bytes()
        return
    assert holders(unpacked, secret) == []


def test_the_search_finds_what_is_there(recorded):
    assert holders(recorded[2], "learning_rate")
    assert b"cloning https://" in (recorded[2] / "logs" / "stdout.txt").read_bytes()


def test_what_was_left_out_is_said(recorded):
    _place, done, _unpacked = recorded
    said = " ".join(w["message"] for w in done.json["warnings"] if w["code"] == "RPK045")
    assert "arguments" in said
    assert "stdout.txt" in said


def test_the_terminal_still_shows_everything(recorded):
    """Only what is stored is scrubbed; with --json the command's output goes to standard error."""
    text = recorded[1].stderr.decode()
    for kind in ("environment", "printed", "url"):
        assert SECRETS[kind] in text


def test_git_is_recorded(reprokit, recorded):
    place, _done, unpacked = recorded
    git = reprokit("inspect", "--json", "b.repro.tar.zst", cwd=place).json["git"]
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=place, capture_output=True, check=True, timeout=30)
    assert git["commit"] == head.stdout.decode().strip()
    assert git["dirty"] is True
    assert git["remote"] == "https://example.org/x.git"
    diff = (unpacked / "code.diff").read_text()
    assert "+learning_rate = 0.2" in diff
    assert "DB_PASSWORD" in diff


def test_a_replay_without_the_redacted_arguments_says_so(reprokit, recorded):
    place, _done, _unpacked = recorded
    done = reprokit("replay", "b.repro.tar.zst", "--json", cwd=place)
    assert (done.status, done.json["code"]) == (3, "RPK011"), done.text
    assert SECRETS["argument"] not in done.text


def test_an_environment_variable_that_the_script_reads(reprokit, tmp_path):
    (tmp_path / "run.py").write_text(
        "import os\nopen('o.txt', 'w').write(os.environ['MY_WIDTH'] + os.getenv('OTHER', ''))"
    )
    plain = reprokit("record", "--json", "--", PYTHON, "run.py", cwd=tmp_path, env={"MY_WIDTH": "12"})
    warned = [w["message"] for w in plain.json["warnings"] if w["code"] == "RPK046"]
    assert len(warned) == 1
    assert "MY_WIDTH" in warned[0]
    replayed = reprokit("replay", "run.repro.tar.zst", "--json", cwd=tmp_path).json
    assert replayed["tier"] == "none"
    assert warned == [w["message"] for w in replayed["warnings"] if w["code"] == "RPK046"], "it is why, and is said"
    kept = reprokit(
        "record", "--json", "-o", "kept.zst", "--env-var", "MY_WIDTH", "--", PYTHON, "run.py", cwd=tmp_path,
        env={"MY_WIDTH": "12"},
    )  # fmt: skip
    assert not [w for w in kept.json["warnings"] if w["code"] == "RPK046"]
    for width in (None, "99"):  # the recorded value counts, not the one here
        done = reprokit("replay", "kept.zst", "--json", cwd=tmp_path, env={"MY_WIDTH": width})
        assert (done.status, done.json["tier"]) == (0, "bitwise"), done.text
    other = reprokit("record", "-o", "other.zst", "--", PYTHON, "run.py", cwd=tmp_path, env={"MY_WIDTH": "13"})
    assert other.status == 0, other.text
    compared = reprokit("compare", "run.repro.tar.zst", "other.zst", "--json", cwd=tmp_path).json
    assert warned == [w["message"] for w in compared["warnings"] if w["code"] == "RPK046"]


def test_a_secret_in_the_environment_is_handed_on_in_a_replay(reprokit, tmp_path):
    """It is not stored; the replay takes it from the environment again, as the hint says."""
    (tmp_path / "run.py").write_text("import os\nopen('o.txt', 'w').write(str(len(os.environ['MY_API_TOKEN'])))")
    env = {"MY_API_TOKEN": "tok-3f8a91c2d4e5", "EXTRA": None}
    options = ("--env-var", "MY_API_TOKEN")
    done = reprokit("record", "--json", *options, "--", PYTHON, "run.py", cwd=tmp_path, env=env)
    assert done.status == 0, done.text
    assert b"tok-3f8a91c2d4e5" not in reprokit("inspect", "--json", "run.repro.tar.zst", cwd=tmp_path).stdout
    assert reprokit("replay", "run.repro.tar.zst", "--json", cwd=tmp_path, env=env).json["tier"] == "bitwise"
    assert os.path.exists(tmp_path / "o.txt")
