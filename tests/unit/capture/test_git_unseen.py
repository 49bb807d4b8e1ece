"""Changes that git was told not to look at are changes: the code that ran is not the commit's."""

import os
import shutil
import subprocess

import pytest

from reprokit.capture.git import git_state

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def git(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    place = tmp_path / "project"
    place.mkdir()

    def run(*arguments):
        identity = ("-c", "user.name=n", "-c", "user.email=e@example.org")
        subprocess.run(["git", *identity, *arguments], cwd=place, check=True, capture_output=True)

    run.place = place
    run("init", "-q")
    (place / "train.py").write_text("lr = 1\n")
    (place / "ünïcode \n.py").write_text("x = 1\n")
    (place / "link.py").symlink_to("train.py")
    run("add", ".")
    run("commit", "-q", "-m", "first")
    return run


def _edit(path):
    path.write_text("lr = 2\n")


def _point_elsewhere(path):
    path.unlink()
    path.symlink_to("other.py")


def _take_away(path):
    path.unlink()


def _make_a_directory(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("mark", ["--assume-unchanged", "--skip-worktree"])
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("train.py", _edit), ("ünïcode \n.py", _edit), ("link.py", _point_elsewhere),
        ("train.py", _make_a_directory), ("link.py", lambda path: (path.unlink(), path.write_text("train.py"))),
    ],
)  # fmt: skip
def test_a_change_that_git_does_not_look_at_is_one(git, mark, name, change):
    git("update-index", mark, name)
    assert git_state(git.place).dirty is False, "the mark alone changes nothing"
    change(git.place / name)
    state = git_state(git.place)
    assert (state.dirty, state.changed) == (True, (name,))


def test_what_a_sparse_checkout_leaves_out_is_no_change(git):
    git("update-index", "--skip-worktree", "train.py")
    _take_away(git.place / "train.py")
    assert git_state(git.place).dirty is False
    git("update-index", "--no-skip-worktree", "train.py")
    git("update-index", "--assume-unchanged", "train.py")
    assert git_state(git.place).changed == ("train.py",)


def test_line_ends_that_git_would_turn_are_no_change(git):
    (git.place / ".gitattributes").write_text("*.py text eol=crlf\n")
    git("config", "core.safecrlf", "true")
    git("add", ".gitattributes")
    git("commit", "-q", "-m", "line ends")
    git("update-index", "--assume-unchanged", "train.py")
    (git.place / "train.py").write_bytes(b"lr = 1\r\n")
    assert git_state(git.place).dirty is False


def test_no_filter_of_the_repository_is_run(git, tmp_path):
    """`git hash-object` runs clean filters unless it is told not to."""
    trap = f"sh -c 'touch \"{tmp_path}/sprung\"; cat'"
    (git.place / ".gitattributes").write_text("*.py filter=trap\n")
    git("add", ".gitattributes")
    git("commit", "-q", "-m", "filter")
    git("update-index", "--assume-unchanged", "train.py")
    git("config", "filter.trap.clean", trap)
    _edit(git.place / "train.py")
    assert git_state(git.place).changed == ("train.py",)
    assert not (tmp_path / "sprung").exists()
    git("hash-object", "--", "train.py")
    assert (tmp_path / "sprung").exists(), "in plain git it is"


def test_a_change_in_a_submodule_that_git_does_not_look_at(git, tmp_path):
    subprocess.run(["git", "clone", "-q", str(git.place), str(tmp_path / "library")], check=True)
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "library"), "lib")
    git("commit", "-q", "-m", "with library")
    git("-C", "lib", "update-index", "--assume-unchanged", "train.py")
    _edit(git.place / "lib/train.py")
    (module,) = git_state(git.place).submodules
    assert module.dirty is True
