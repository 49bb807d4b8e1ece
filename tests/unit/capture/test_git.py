import os
import shutil
import subprocess

import pytest

from reprokit.capture.git import git_state, lacking, strip_credentials
from reprokit.capture.git_files import head_from_files

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


def _git(place, *arguments):
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "protocol.file.allow=always")
    done = subprocess.run(["git", *identity, *arguments], cwd=place, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    place = tmp_path / "project"
    place.mkdir()
    _git(place, "init", "-q", "-b", "trunk")
    (place / "train.py").write_text("lr = 1\n")
    (place / "sub").mkdir()
    (place / "sub/model.py").write_text("x = 1\n")
    _git(place, "add", ".")
    _git(place, "commit", "-q", "-m", "first")
    return place


def test_a_clean_checkout(repository):
    state = git_state(repository)
    assert state is not None
    assert state.commit == _git(repository, "rev-parse", "HEAD")
    assert (state.branch, state.dirty, state.diff, state.untracked, state.remote) == ("trunk", False, b"", (), None)
    assert state.top.samefile(repository)
    assert state.problem is None


def test_outside_any_checkout(tmp_path):
    assert git_state(tmp_path / "home") is None


def test_changes_and_new_files_seen_from_a_subdirectory(repository):
    (repository / "train.py").write_text("lr = 2\n")
    (repository / "sub/new.py").write_text("")
    (repository / "weights.bin").write_bytes(b"x")
    (repository / "Makefile").write_text("")
    (repository / ".gitignore").write_text("ignored.py\n")
    (repository / "ignored.py").write_text("")
    state = git_state(repository / "sub")
    assert state.dirty is True
    assert (state.changed, state.changed_complete) == (("train.py",), True)
    assert b"-lr = 1\n+lr = 2\n" in state.diff
    assert state.untracked == ("Makefile", "sub/new.py")


def test_the_diff_can_be_applied_with_binaries_and_odd_names(repository, tmp_path):
    name = 'caf\u00e9 "x"\t.py'
    (repository / name).write_text("a\n")
    (repository / "data.bin").write_bytes(bytes(range(256)))
    _git(repository, "add", ".")
    _git(repository, "commit", "-q", "-m", "second")
    (repository / name).write_text("b\n")
    (repository / "data.bin").write_bytes(bytes(reversed(range(256))))
    (repository / "train.py").unlink()
    diff = git_state(repository).diff
    _git(tmp_path, "clone", "-q", str(repository), "copy")
    (tmp_path / "patch").write_bytes(diff)
    _git(tmp_path / "copy", "apply", "--binary", str(tmp_path / "patch"))
    assert (tmp_path / "copy" / name).read_text() == "b\n"
    assert (tmp_path / "copy/data.bin").read_bytes() == bytes(reversed(range(256)))
    assert not (tmp_path / "copy/train.py").exists()


def test_secrets_are_taken_out_of_the_diff(repository):
    (repository / "train.py").write_text('password = "hunter2"\n')
    state = git_state(repository)
    assert b'+password = "[redacted]"' in state.diff
    assert state.redactions == 1


def test_a_long_diff_is_left_out_and_said(repository):
    (repository / "train.py").write_text("x = 1\n" * 10_000)
    state = git_state(repository, diff_limit=1000)
    assert (state.dirty, state.diff, state.diff_size) == (True, None, 1000)


def test_a_repository_without_commits(tmp_path):
    place = tmp_path / "new"
    place.mkdir()
    _git(place, "init", "-q", "-b", "trunk")
    (place / "a.py").write_text("1\n")
    (place / "b.py").write_text("2\n")
    _git(place, "add", "a.py")
    state = git_state(place)
    assert (state.commit, state.branch, state.dirty, state.untracked) == (None, "trunk", True, ("b.py",))
    assert b"+1\n" in state.diff


def test_a_detached_head(repository):
    _git(repository, "checkout", "-q", "--detach")
    state = git_state(repository)
    assert state.branch is None
    assert state.commit == _git(repository, "rev-parse", "HEAD")


def test_a_conflict_counts_as_dirty(repository):
    _git(repository, "checkout", "-q", "-b", "other")
    (repository / "train.py").write_text("other\n")
    _git(repository, "commit", "-q", "-am", "other")
    _git(repository, "checkout", "-q", "trunk")
    (repository / "train.py").write_text("trunk\n")
    _git(repository, "commit", "-q", "-am", "trunk")
    with pytest.raises(subprocess.CalledProcessError):
        _git(repository, "merge", "other")
    assert git_state(repository).dirty is True


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://user:hunter2@example.org/a.git", "https://example.org/a.git"),
        ("https://0123token@example.org/a.git", "https://example.org/a.git"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("ssh://git@host/a", "ssh://git@host/a"),
        ("/srv/a.git", "/srv/a.git"),
    ],
)
def test_remotes_lose_their_credentials(repository, url, clean):
    _git(repository, "remote", "add", "upstream", "https://other.example.org/x")
    _git(repository, "remote", "add", "origin", url)
    assert git_state(repository).remote == clean
    assert strip_credentials(url) == clean


def test_nothing_that_the_repository_configures_is_run(repository, tmp_path):
    trap = tmp_path / "trap.sh"
    trap.write_text(f'#!/bin/sh\ntouch "{tmp_path}/sprung-$1"\ncat\n')
    trap.chmod(0o755)
    (repository / "train.py").write_text("lr = 3\n")
    (repository / ".gitattributes").write_text("*.py diff=trap filter=trap\n")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in ("post-index-change", "pre-commit", "fsmonitor-watchman"):
        (hooks / hook).symlink_to(trap)
    trap = f"'{trap}'"  # the path may hold blanks
    settings = {
        "core.fsmonitor": f"{trap} fsmonitor",
        "core.hooksPath": str(hooks),
        "core.pager": f"{trap} pager",
        "diff.external": f"{trap} external",
        "diff.trap.command": f"{trap} command",
        "diff.trap.textconv": f"{trap} textconv",
        "filter.trap.clean": f"{trap} clean",
        "filter.trap.smudge": f"{trap} smudge",
        "filter.trap.process": f"{trap} process",
        "filter.trap.required": "true",
        "pager.diff": f"{trap} pagerdiff",
        "alias.status": f"!{trap} alias",
    }
    for name, value in settings.items():
        _git(repository, "config", name, value)
    state = git_state(repository)
    assert state.dirty is True
    assert b"+lr = 3" in state.diff
    assert state.filters_off == ("trap",)
    assert list(tmp_path.glob("sprung-*")) == []


def test_the_trap_of_the_test_above_springs_in_plain_git(repository, tmp_path):
    trap = tmp_path / "trap.sh"
    trap.write_text(f'#!/bin/sh\ntouch "{tmp_path}/sprung"\ncat\n')
    trap.chmod(0o755)
    (repository / ".gitattributes").write_text("*.py filter=trap\n")
    (repository / "train.py").write_text("lr = 3\n")
    _git(repository, "config", "filter.trap.clean", f"'{trap}'")
    _git(repository, "diff", "HEAD")
    assert (tmp_path / "sprung").exists()


def test_the_index_is_not_touched(repository):
    os.utime(repository / "train.py", ns=(1, 1))
    before = (repository / ".git/index").read_bytes()
    git_state(repository)
    assert (repository / ".git/index").read_bytes() == before


def test_git_variables_do_not_mislead(repository, monkeypatch, tmp_path):
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/bin/false")
    state = git_state(repository)
    monkeypatch.undo()
    assert state.branch == "trunk"


def test_submodules(repository, tmp_path):
    _git(tmp_path, "clone", "-q", str(repository), "library")
    _git(repository, "submodule", "--quiet", "add", str(tmp_path / "library"), "lib")
    _git(repository, "commit", "-q", "-m", "with library")
    (repository / "lib/train.py").write_text("changed\n")
    state = git_state(repository)
    (module,) = state.submodules
    assert (module.path, module.dirty, state.dirty) == ("lib", True, False)
    assert module.recorded == module.checked_out == _git(tmp_path / "library", "rev-parse", "HEAD")
    _git(repository / "lib", "commit", "-q", "-am", "ahead")
    state = git_state(repository)
    assert state.dirty is True
    assert state.submodules[0].checked_out != state.submodules[0].recorded


def test_a_submodule_that_is_not_there(repository, tmp_path):
    _git(tmp_path, "clone", "-q", str(repository), "library")
    _git(repository, "submodule", "--quiet", "add", str(tmp_path / "library"), "lib")
    _git(repository, "commit", "-q", "-m", "with library")
    _git(tmp_path, "clone", "-q", str(repository), "copy")
    (module,) = git_state(tmp_path / "copy").submodules
    assert (module.checked_out, module.dirty) == (None, None)


def test_without_git_the_commit_comes_from_the_files(repository, monkeypatch):
    commit = _git(repository, "rev-parse", "HEAD")
    monkeypatch.setenv("PATH", "")
    state = git_state(repository / "sub")
    assert (state.commit, state.branch, state.dirty, state.problem) == (commit, "trunk", None, "git is not installed")


def test_packed_references_and_worktrees_are_read_from_the_files(repository, tmp_path):
    commit = _git(repository, "rev-parse", "HEAD")
    _git(repository, "pack-refs", "--all")
    _git(repository, "worktree", "add", "-q", "-b", "side", str(tmp_path / "tree"))
    _git(repository, "pack-refs", "--all")
    assert head_from_files(repository)[1:] == (commit, "trunk")
    assert head_from_files(tmp_path / "tree")[1:] == (commit, "side")
    assert head_from_files(tmp_path / "home") is None


def test_hostile_git_files_lead_nowhere(tmp_path):
    place = tmp_path / "odd"
    (place / ".git").mkdir(parents=True)
    (tmp_path / "outside").write_text("a" * 40)
    for head in ("ref: refs/heads/../../../outside", "ref: /etc/passwd", "\x00", "ref:", "zz" * 20):
        (place / ".git/HEAD").write_text(head)
        assert head_from_files(place)[1] is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_refusal_is_said(repository):
    commit = _git(repository, "rev-parse", "HEAD")
    for path in (repository, repository / ".git"):
        os.chown(path, 12345, 12345)
    state = git_state(repository)
    assert state.commit == commit
    assert state.dirty is None
    assert "dubious ownership" in state.problem


def test_a_git_that_hangs_is_left(repository, tmp_path, monkeypatch):
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "git").write_text("#!/bin/sh\nsleep 60\n")
    (tools / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    state = git_state(repository, timeout=0.2)
    assert state.problem == "git did not answer in time"
    assert state.branch == "trunk"


def test_code_that_git_lacks_is_named_whether_it_is_ignored_new_or_in_a_submodule(repository, tmp_path):
    _git(tmp_path, "clone", "-q", str(repository), "library")
    _git(repository, "submodule", "--quiet", "add", str(tmp_path / "library"), "lib")
    (repository / ".gitignore").write_text("ignored.py\n/build/\n")
    for name in ("ignored.py", "new.py", "build/made.py", "lib/added.py"):
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text("x = 2\n")
    asked = ["train.py", "sub/model.py", "lib/train.py", "ignored.py", "new.py", "build/made.py", "lib/added.py"]
    assert lacking(repository, asked) == ("build/made.py", "ignored.py", "lib/added.py", "new.py")
    assert lacking(repository, ["train.py"]) == ()
    assert lacking(tmp_path / "home", ["train.py"]) is None
