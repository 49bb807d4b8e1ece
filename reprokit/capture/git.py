"""The state of a git checkout, read without running anything that the checkout configures.

git can be told by a repository's own configuration to run programs while it merely looks: fsmonitor, hooks, external
diff and textconv drivers, clean filters, pagers. All are switched off here, `GIT_*` variables are dropped, and
git takes no optional locks, so looking neither disturbs a run nor executes the repository's configuration.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from reprokit.capture.git_files import head_from_files
from reprokit.capture.git_unseen import unseen_changes
from reprokit.capture.probe import Printed, run_tool
from reprokit.capture.secrets import scrub, scrub_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TIMEOUT = 15.0
_SUBMODULES = 64
_UNTRACKED = 10_000
_CODE = _words(
    ".py .pyi .pyx .pxd .ipynb .c .cc .cpp .cxx .h .hpp .cu .cuh .rs .go .jl .r .sh .bash .toml .yaml .yml .json .cfg "
    ".ini .gin .jsonnet .txt .cmake .proto .lua .sql"
)
_CODE_NAMES = frozenset({"Makefile", "Dockerfile", "Containerfile", "Snakefile", "Justfile"})
_OFF = (
    *("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", "core.pager=cat"),
    *("-c", "diff.external=", "-c", "core.quotePath=false", "-c", "submodule.recurse=false", "-c", "color.ui=false"),
    *("-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false"),
)
_LFS = {"clean": "git-lfs clean -- %f", "process": "git-lfs filter-process", "smudge": "git-lfs smudge -- %f"}


@dataclass(frozen=True)
class Submodule:
    """One submodule: the commit that the project asks for, and the one that is checked out (None: not initialised)."""

    path: str
    recorded: str
    checked_out: str | None
    dirty: bool | None


@dataclass(frozen=True)
class GitState:
    """A checkout at one moment.

    Attributes:
        top: the top directory of the checkout.
        commit: the full hash of HEAD; None in a repository without commits.
        branch: the branch's name; None when HEAD is detached.
        dirty: whether tracked files differ from HEAD (or the index does); None if git could not say.
        changed: the tracked files that differ, relative to `top`; at most 10,000, and then `changed_complete` is false.
        diff: `git diff --binary HEAD`, secrets redacted; None if not known or longer than the limit.
        diff_size: bytes of the diff, or the limit if it is longer.
        redactions: how many secrets were replaced in the diff.
        untracked: code and configuration files that git does not track, relative to `top`; at most 10,000.
        untracked_complete: whether `untracked` is all of them.
        remote: the URL of `origin` (or of the only remote) without credentials.
        submodules: at most 64.
        filters_off: clean filters that the repository configures and that were not run, so that files under them may
            count as changed. Git LFS in its standard form is run.
        problem: why git itself could not be asked, when commit and branch were read from its files.
    """

    top: Path
    commit: str | None
    branch: str | None
    dirty: bool | None = None
    changed: tuple[str, ...] = ()
    changed_complete: bool = True
    diff: bytes | None = None
    diff_size: int = 0
    redactions: int = 0
    untracked: tuple[str, ...] = ()
    untracked_complete: bool = True
    remote: str | None = None
    submodules: tuple[Submodule, ...] = ()
    filters_off: tuple[str, ...] = ()
    problem: str | None = None


def git_state(root: Path, *, diff_limit: int = 8 << 20, timeout: float = _TIMEOUT) -> GitState | None:
    """Reads the state of the checkout that holds `root`.

    Args:
        root: any directory in it.
        diff_limit: bytes of diff that are kept.
        timeout: seconds for each call of git.

    Returns:
        The state, or None if `root` is in no checkout.
    """
    program = shutil.which("git")
    if program is None:
        return _from_files(root, "git is not installed")
    git = _Git(program, root, timeout)
    where = git.run("rev-parse", "--show-toplevel")
    if where is None or not where.ok:
        return _from_files(root, _reason(where))
    top = Path(os.fsdecode(where.stdout.removesuffix(b"\n")))
    git = git.at(top)
    commit = git.line("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    entries, complete = _status(git)
    diff = _diff(git, commit, diff_limit) if entries else Printed(0, b"", b"")
    clean, redactions = scrub_bytes(diff.stdout) if diff is not None and diff.ok else (None, 0)
    untracked = sorted(name for code, name in entries or () if code == "?" and _is_code(name))
    changed = sorted(name for code, name in entries or () if code != "?")
    return GitState(
        top=top,
        commit=commit,
        branch=git.line("symbolic-ref", "--quiet", "--short", "HEAD"),
        dirty=None if entries is None else bool(changed),
        changed=tuple(changed[:_UNTRACKED]),
        changed_complete=len(changed) <= _UNTRACKED,
        diff=clean if entries is not None else None,
        diff_size=len(diff.stdout) if diff is not None else 0,
        redactions=redactions,
        untracked=tuple(untracked[:_UNTRACKED]),
        untracked_complete=complete and len(untracked) <= _UNTRACKED,
        remote=_remote(git),
        submodules=_submodules(git) if (top / ".gitmodules").exists() else (),
        filters_off=git.filters_off,
    )


def lacking(top: Path, names: Iterable[str], *, timeout: float = _TIMEOUT) -> tuple[str, ...] | None:
    """Code and configuration that neither a checkout nor its submodules track, whether ignored or only new.

    Args:
        top: the top directory of the checkout.
        names: paths relative to it.
        timeout: seconds.

    Returns:
        The names, sorted; None where git cannot say.
    """
    program = shutil.which("git")
    wanted = {name for name in names if _is_code(name)}  # not `.env`, nor what was compiled in place
    if program is None or not wanted:
        return () if not wanted else None
    git = _Git(program, top, timeout)
    listed = git.run("ls-files", "-z", "--cached", "--recurse-submodules")
    if listed is None or not listed.ok:
        return None
    return tuple(sorted(wanted - set(os.fsdecode(listed.stdout).split("\0"))))


def strip_credentials(url: str) -> str:
    """A remote's URL without user information, tokens or passwords; `git@host:path` stays as it is."""
    return scrub(url)[0].replace("[redacted]@", "")


@dataclass(frozen=True)
class _Git:
    program: str
    root: Path
    timeout: float
    overrides: tuple[str, ...] = ()
    filters_off: tuple[str, ...] = field(default=())

    def at(self, root: Path) -> _Git:
        """The same git in another directory, with that repository's filters switched off."""
        plain = _Git(self.program, root, self.timeout)
        listed = plain.run("config", "-z", "--get-regexp", r"^filter\..*\.(clean|process|smudge|required)$")
        settings = dict(_setting(record) for record in (listed.stdout.split(b"\0") if listed else ()) if record)
        off = sorted(
            {name for (name, key), value in settings.items() if key != "required" and value != _lfs(name, key)}
        )
        overrides: list[str] = []
        for name in off:
            for key in ("clean", "process", "smudge"):
                overrides += ["-c", f"filter.{name}.{key}="]
            overrides += ["-c", f"filter.{name}.required=false"]
        return _Git(self.program, root, self.timeout, tuple(overrides), tuple(off))

    def run(self, *arguments: str, limit: int = 1 << 26) -> Printed | None:
        command = [self.program, "--no-pager", "--literal-pathspecs", *_OFF, *self.overrides, *arguments]
        return run_tool(command, timeout=self.timeout, limit=limit, cwd=self.root, environ=_environment())

    def line(self, *arguments: str) -> str | None:
        printed = self.run(*arguments)
        if printed is None or not printed.ok:
            return None
        return printed.stdout.decode("utf-8", "replace").strip() or None


def _environment() -> dict[str, str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # GIT_NO_LAZY_FETCH: a partial clone must not start fetching because we look at it.
    return environ | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}


def _setting(record: bytes) -> tuple[tuple[str, str], str]:
    key, _, value = os.fsdecode(record).partition("\n")
    name, _, last = key.removeprefix("filter.").rpartition(".")
    return (name, last), value


def _lfs(name: str, key: str) -> str | None:
    return _LFS[key] if name == "lfs" else None


def _status(git: _Git) -> tuple[list[tuple[str, str]] | None, bool]:
    """Status entries as (code, path), and whether untracked files are among them."""
    # Submodules are asked one by one: a recursive status would run under their own configuration.
    base = ("status", "--porcelain=v2", "-z", "--ignore-submodules=dirty", "--no-renames")
    printed = git.run(*base, "--untracked-files=all")
    complete = printed is not None and printed.ok
    if not complete:  # a data directory of millions of files: the tracked ones still matter
        printed = git.run(*base, "--untracked-files=no")
    if printed is None or not printed.ok:
        return None, False
    entries: list[tuple[str, str]] = []
    for record in os.fsdecode(printed.stdout).split("\0"):
        match record[:1]:
            case "?":
                entries.append(("?", record[2:]))
            case "1":
                entries.append(("1", record.split(" ", 8)[8]))
            case "u":
                entries.append(("u", record.split(" ", 10)[10]))
            case _:
                continue
    unseen = unseen_changes(git.run, git.root)
    if unseen is None:
        return None, False
    return entries + [("1", name) for name in unseen if ("1", name) not in entries], complete


def _diff(git: _Git, commit: str | None, limit: int) -> Printed | None:
    base = commit or git.line("hash-object", "-t", "tree", os.devnull)  # before the first commit: the empty tree
    if base is None:
        return None
    switches = ("--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames")
    return git.run("diff", *switches, "--ignore-submodules=dirty", base, "--", limit=limit)


def _is_code(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in _CODE or path.name in _CODE_NAMES


def _remote(git: _Git) -> str | None:
    printed = git.run("config", "-z", "--get-regexp", r"^remote\..*\.url$")
    if printed is None or not printed.ok:
        return None
    urls = dict(os.fsdecode(record).partition("\n")[::2] for record in printed.stdout.split(b"\0") if record)
    url = urls.get("remote.origin.url") or (next(iter(urls.values())) if len(urls) == 1 else None)
    return strip_credentials(url.encode("utf-8", "replace").decode()) if url else None


def _submodules(git: _Git) -> tuple[Submodule, ...]:
    printed = git.run("ls-files", "-s", "-z")
    if printed is None or not printed.ok:
        return ()
    found = re.findall(rb"(?:\A|\0)160000 ([0-9a-f]+) \d\t([^\0]+)", printed.stdout)[:_SUBMODULES]
    return tuple(_submodule(git, os.fsdecode(path), recorded.decode()) for recorded, path in found)


def _submodule(git: _Git, path: str, recorded: str) -> Submodule:
    if not (git.root / path / ".git").exists():
        return Submodule(path, recorded, None, None)
    inner = git.at(git.root / path)
    entries, _ = _status(inner)
    dirty = None if entries is None else any(code != "?" for code, _ in entries)
    return Submodule(path, recorded, inner.line("rev-parse", "--verify", "--quiet", "HEAD"), dirty)


def _reason(printed: Printed | None) -> str:
    if printed is None:
        return "git cannot be started"
    if printed.timed_out:
        return "git did not answer in time"
    lines = printed.stderr.decode("utf-8", "replace").strip().splitlines()
    return scrub(lines[0])[0] if lines else f"git ended with status {printed.status}"


def _from_files(root: Path, problem: str) -> GitState | None:
    found = head_from_files(root)
    return None if found is None else GitState(*found, untracked_complete=False, problem=problem)
