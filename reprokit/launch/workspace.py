"""Lays out a fresh directory from a bundle: every file of the run at its recorded path below one tree."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reprokit.bundle.names import unescape_name
from reprokit.capture.accesses import below
from reprokit.digest import sha256_file
from reprokit.errors import UnverifiedError
from reprokit.launch.isolation import Layout
from reprokit.launch.texts import raw_of

if TYPE_CHECKING:
    from pathlib import Path

    from reprokit.bundle.reader import BundleReader
    from reprokit.schema.manifest import InputFile, Manifest


@dataclass(frozen=True)
class Relocations:
    """Where recorded places are on this machine: user's ``--data`` and the interpreter's prefixes."""

    data: dict[str, str] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)

    def candidates(self, path: str) -> list[str]:
        """Paths at which a recorded file may be found here, the most explicit first."""
        found = []
        for table in (self.data, self.prefixes):
            for recorded, here in table.items():
                if below(path, recorded):
                    found.append(here + path[len(recorded) :])
        return [*found, path]


def locate_inputs(manifest: Manifest, relocations: Relocations) -> dict[str, str]:
    """Finds the inputs that the bundle does not hold, and checks that they are what the run read.

    Returns:
        Recorded path -> path here.

    Raises:
        UnverifiedError: RPK012 naming every file that is missing or differs.
    """
    found: dict[str, str] = {}
    wrong: list[str] = []
    for entry in manifest.inputs:
        if entry.member is not None or entry.listed:
            continue
        path = raw_of(entry.path)
        problem = "is missing"
        for candidate in relocations.candidates(path):
            problem, good = _check(candidate, entry)
            if good:
                found[path] = candidate
                break
        else:
            wrong.append(f"{path} {problem}")
    if wrong:
        shown = "; ".join(wrong[:10]) + (f"; and {len(wrong) - 10} more" if len(wrong) > 10 else "")
        raise UnverifiedError("RPK012", f"the data are not those of the recorded run: {shown}")
    return found


def _check(path: str, entry: InputFile) -> tuple[str, bool]:
    try:
        size = os.stat(path).st_size
        if size != entry.size:
            return f"has {size} bytes, not {entry.size}", False
        return "has another content", sha256_file(path) == entry.sha256
    except OSError:
        return "is missing", False


def lay_out(
    reader: BundleReader, manifest: Manifest, room: Path, linked: dict[str, str], keep: tuple[str, ...]
) -> Layout:
    """Extracts the inputs of a bundle into ``room`` (a new directory).

    Args:
        reader: the bundle.
        manifest: its manifest.
        room: gets ``tree/`` and ``scratch/``.
        linked: recorded path -> path of inputs that are used in place.
        keep: directories that stay visible (see `Layout`).
    """
    root, cwd = raw_of(manifest.run.root), raw_of(manifest.run.working_directory)
    outside: dict[str, list[str]] = {}
    for output in manifest.outputs:
        path = raw_of(output.path)
        if not below(path, root):
            outside.setdefault(os.path.dirname(path), []).append(os.path.basename(path))
    linked = dict(linked)
    tree = room / "tree"
    placed: dict[str, None] = {}
    layout = Layout(tree, room / "scratch", root, cwd, linked, outside, (), (), keep)
    layout.scratch.mkdir(parents=True)
    layout.place(cwd).mkdir(parents=True)
    for entry in manifest.inputs:
        path = raw_of(entry.path)
        target = layout.place(path)
        if entry.member is None and entry.listed:
            _placeholder(target, entry.size)
            continue
        if entry.member is None and not entry.writable:
            continue  # used in place
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry.member is None:
            shutil.copyfile(linked.pop(path), target)  # the run may write to it, and must not write to yours
        else:
            reader.extract(unescape_name(entry.member), target)
        target.chmod(0o755 if entry.executable else 0o644)
        if not below(path, root) and (entry.writable or not _same_here(path, entry)):
            placed[os.path.dirname(path)] = None
    _make_output_directories(layout, manifest)
    _part_dvc_from_git(layout, manifest)
    return Layout(tree, layout.scratch, root, cwd, linked, outside, tuple(placed), _left(manifest), keep)


def _left(manifest: Manifest) -> tuple[str, ...]:
    """What the run left outside the project in caches and is still there, and directories that it made there.

    A directory that holds outputs counts also where it is gone: something is mounted at its parent, and not at itself,
    so that the run can make it. The list may come from anyone.
    """
    found = []
    outputs = [raw_of(output.path) for output in manifest.outputs]
    for text in manifest.run.left:
        with suppress(ValueError):
            path = os.path.normpath(raw_of(text))
            if path.startswith("/") and path.count("/") > 1 and not below(raw_of(manifest.run.root), path):
                found += [path] if os.path.lexists(path) or any(below(output, path) for output in outputs) else []
    return tuple(found)


def _placeholder(path: Path, size: int) -> None:
    """Stands for a large file that the run listed and never read: a hole of the same size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


def _same_here(path: str, entry: InputFile) -> bool:
    return _check(path, entry)[1]


def _make_output_directories(layout: Layout, manifest: Manifest) -> None:
    """Directories that stood before the run are made again; those that it made itself are left to it.

    Which is which is not recorded for empty directories, so a directory is made when an input stands in it, when it is
    outside the project, or when the run is known to have found it (``run.directories``).
    """
    left = _left(manifest)
    for directory in layout.outside:
        if not any(below(directory, path) for path in left):
            layout.place(directory).mkdir(parents=True, exist_ok=True)
    for directory in manifest.run.directories:
        layout.place(raw_of(directory)).mkdir(parents=True, exist_ok=True)


def _part_dvc_from_git(layout: Layout, manifest: Manifest) -> None:
    """Tells DVC that its project is in no git repository, since a bundle has none; it would refuse to run.

    Source: https://dvc.org/doc/user-guide/project-structure/configuration, ``core.no_scm``.
    """
    for entry in manifest.inputs:
        path = raw_of(entry.path)
        if path.endswith("/.dvc/config"):
            with layout.place(path).with_name("config.local").open("a", encoding="utf-8") as file:
                file.write("\n[core]\n    no_scm = true\n")
