"""Keeps a replay's hands off what the original run wrote.

Two ways, chosen by what the machine allows:

- *namespace*: the command gets a mount namespace in which the workspace stands at the recorded absolute paths.
- *rewrite*: the command runs in the workspace, and recorded paths in its arguments and environment are rewritten to
  point there. A path that the script knows from elsewhere cannot be redirected: then the replay stops (RPK013).
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.errors import UnverifiedError
from reprokit.launch import namespace
from reprokit.launch.made_outside import holds_no_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


_SEARCHED = 1 << 20


@dataclass(frozen=True)
class Layout:
    """Where a replay's files are.

    Attributes:
        tree: a directory below which every file of the run stands at its recorded absolute path.
        scratch: an empty directory.
        root, cwd: the recorded project and working directory.
        linked: recorded path -> path of data that is used in place (large inputs).
        outside: recorded directories outside the project that the run wrote to -> names of its outputs there.
        left: what the run left outside the project in caches and is still there, and directories that it made there.
        placed: recorded directories outside the project that hold embedded inputs.
        keep: existing directories that must stay visible even below the project (interpreters, reprokit itself).
    """

    tree: Path
    scratch: Path
    root: str
    cwd: str
    linked: dict[str, str] = field(default_factory=dict)
    outside: dict[str, list[str]] = field(default_factory=dict)
    placed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()

    def place(self, path: str) -> Path:
        """Where the recorded absolute ``path`` is in the workspace."""
        return self.tree / path.lstrip("/")


@dataclass(frozen=True)
class Isolated:
    """How to start the command: arguments, directory, and paths that its observers must not let it write to."""

    arguments: list[str]
    directory: Path
    environment: dict[str, str]
    guarded: tuple[str, ...]
    method: str


@functools.cache
def namespaces_work() -> bool:
    """Whether this machine lets us mount: tried once, on an empty directory."""
    if not sys.platform.startswith("linux"):
        return False
    with tempfile.TemporaryDirectory(prefix="reprokit-probe-") as name:
        room = Path(name)
        (room / "a").mkdir()
        (room / "scratch").mkdir()
        mounts = [["bind", str(room / "a"), str(room / "b")]]
        spec = {"scratch": str(room / "scratch"), "mounts": mounts, "cwd": "/", "command": [], "executable": ""}
        (room / "spec").write_text(json.dumps(spec))
        try:
            done = subprocess.run(
                [sys.executable, "-I", namespace.__file__, str(room / "spec")],
                capture_output=True, timeout=30, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0


def isolate(
    layout: Layout, command: Sequence[str], executable: str, environment: dict[str, str], method: str = "auto"
) -> Isolated:
    """Chooses a way and prepares it.

    Args:
        layout: the prepared workspace.
        command: the recorded arguments.
        executable: the program that stands for the first of them.
        environment: the environment of the command.
        method: ``auto``, ``namespace`` or ``rewrite``.

    Raises:
        UnverifiedError: RPK013 when a path that the original wrote to cannot be redirected.
    """
    buried = any(path == layout.root or layout.root.startswith(path + "/") for path in layout.keep)
    possible = not buried and layout.root != "/" and namespaces_work()
    if method == "namespace" and not possible:
        raise UnverifiedError("RPK013", "this machine or this project's place does not allow a mount namespace")
    if method != "rewrite" and possible:
        return _in_namespace(layout, command, executable, environment)
    return _rewritten(layout, command, executable, environment)


def _in_namespace(layout: Layout, command: Sequence[str], executable: str, environment: dict[str, str]) -> Isolated:
    mounts: list[list[object]] = []
    inside = [path for path in layout.keep if path.startswith(layout.root + "/")]
    mounts += [["bind", path, str(layout.place(path))] for path in inside]
    for recorded, here in layout.linked.items():
        if recorded.startswith(layout.root + "/"):
            mounts.append(["lend", here, str(layout.place(recorded))])
    mounts.append(["bind", str(layout.place(layout.root)), layout.root])
    # A directory and one below it may both be written to: what is hidden is hidden in either's view.
    outputs = {os.path.join(place, name) for place, names in layout.outside.items() for name in names}
    hidden = sorted({*outputs, *layout.left})
    for directory in sorted({*layout.outside, *layout.placed, *map(os.path.dirname, layout.left)}):
        seen = (directory + "/").startswith((layout.root + "/", *(path + "/" for path in layout.left)))
        if not seen:  # what a run renamed cannot be a place where something is mounted: its parent is
            place = layout.place(directory)
            place.mkdir(parents=True, exist_ok=True)
            mounts.append(["shadow", directory, str(place), hidden, layout.root])
    for recorded, here in layout.linked.items():
        if not recorded.startswith(layout.root + "/"):
            mounts.append(["lend", here, recorded])
    spec = {
        "scratch": str(layout.scratch), "mounts": mounts, "cwd": layout.cwd, "command": [executable, *command[1:]],
        "executable": executable,
    }  # fmt: skip
    written = layout.scratch.parent / "namespace.json"
    written.write_text(json.dumps(spec))
    layout.place(layout.cwd).mkdir(parents=True, exist_ok=True)
    return Isolated(
        [sys.executable, "-I", namespace.__file__, str(written)], layout.scratch, environment, (), "namespace"
    )


def _rewritten(layout: Layout, command: Sequence[str], executable: str, environment: dict[str, str]) -> Isolated:
    elsewhere = [recorded for recorded, here in layout.linked.items() if recorded != here]
    directories = [p for p in map(os.path.dirname, elsewhere) if p not in ("/", "/tmp", "/home")]  # noqa: S108
    moved = list(dict.fromkeys([layout.root, *layout.outside, *layout.placed, *directories, *elsewhere]))
    rewritten = [rewrite(argument, moved, layout) for argument in command]
    variables = {
        name: rewrite(value, moved, layout) if name not in ("PATH", "HOME", "TMPDIR") else value
        for name, value in environment.items()
    }
    _refuse_unreachable(layout, command, environment)
    _refuse_literal_paths(layout)
    caches = [
        left for left in layout.left
        if not (holds_no_file(left) or any((path + "/").startswith(left + "/") for path in layout.outside))
    ]  # fmt: skip
    if caches:
        raise UnverifiedError(
            "RPK013", f"the run left {caches[0]}, which a replay would find there and take for its own",
            "Record it once more: what is there before a run is its input. Or let the cache be in the project.",
        )  # fmt: skip
    for recorded, here in layout.linked.items():
        place = layout.place(recorded)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(here)
    cwd = layout.place(layout.cwd)
    cwd.mkdir(parents=True, exist_ok=True)
    program = [executable, *rewritten[1:]]
    lent = {text for recorded, here in layout.linked.items() for text in (recorded, here, str(layout.place(recorded)))}
    guarded = (layout.root.rstrip("/") + "/", *sorted(lent), *(
        os.path.join(directory, name) for directory, names in layout.outside.items() for name in names
    ))  # fmt: skip
    return Isolated(program, cwd, variables, guarded, "rewrite")


def rewrite(text: str, moved: Iterable[str], layout: Layout) -> str:
    """Points recorded paths in ``text`` to the workspace: at its start, or after ``=``, ``:`` or ``,``.

    The longest recorded directory wins, so that nested ones are not rewritten twice.
    """
    starts = sorted({path.rstrip("/") for path in moved if path.rstrip("/")}, key=len, reverse=True)
    pieces, at = [], 0
    while at < len(text):
        boundary = at == 0 or text[at - 1] in "=:,;'\" ["
        match = next(
            (s for s in starts if boundary and text.startswith(s, at) and text[at + len(s) : at + len(s) + 1]
             in ("", "/", ":", ",", ";", "'", '"', " ", "]")), None,
        )  # fmt: skip
        if match is None:
            pieces.append(text[at])
            at += 1
        else:
            pieces.append(str(layout.place(match)))
            at += len(match)
    return "".join(pieces)


def _refuse_unreachable(layout: Layout, command: Sequence[str], environment: dict[str, str]) -> None:
    """Stops when the run wrote outside the project to a place that neither arguments nor environment name."""
    named = [*command, *environment.values()]
    for directory, names in layout.outside.items():
        parts = [directory, *(os.path.join(directory, name) for name in names)]
        ancestors = [p for p in (directory, *map(str, Path(directory).parents)) if p not in ("/", "/tmp", "/home")]  # noqa: S108
        if not any(p in text for p in (*parts, *ancestors) for text in named):
            raise UnverifiedError(
                "RPK013", f"the run wrote to {directory}, which none of its arguments names, so the replay cannot "
                "redirect it and was not started",
            )  # fmt: skip


def _refuse_literal_paths(layout: Layout) -> None:
    """Stops when the run's own files spell the project's absolute path: what they open there cannot be redirected."""
    project, literal = layout.place(layout.root), os.fsencode(layout.root.rstrip("/") + "/")
    for path in sorted(project.rglob("*")):
        if path.is_file() and path.stat().st_size <= _SEARCHED and literal in path.read_bytes():
            raise UnverifiedError(
                "RPK013", f"{path.relative_to(project)} names the absolute path {layout.root}, where the original "
                "run wrote; without a mount namespace the replay cannot redirect it and was not started",
            )  # fmt: skip
