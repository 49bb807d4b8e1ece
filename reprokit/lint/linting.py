"""Lints files: reads them, in several processes where there are many, and decides what counts."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reprokit.errors import UsageError
from reprokit.lint.findings import Facts, Finding
from reprokit.lint.program import Program
from reprokit.lint.reading import NotReadError, Source, parse, read
from reprokit.lint.rules import RULES
from reprokit.lint.selection import Selection, files
from reprokit.lint.statements import module
from reprokit.lint.suppression import Silences, silences
from reprokit.lint.versions import versions_of
from reprokit.lint.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Versions = dict[str, tuple[int, ...]]

_BYTES_A_PROCESS = 400_000
"""Source below this size is read faster here than in a process that has to be started."""
_RECURSION = 6_000
_BESIDE = 200
"""At most so many files are read that were not given, and so many imports deep."""
_DEPTH = 4


@dataclass(frozen=True)
class Linted:
    """What linting gave.

    Args:
        findings: by path, line and column.
        files: how many files were read.
        lines: how many lines they have.
        silenced: findings that comments silenced.
        versions: of the frameworks whose tables were used, as text.
    """

    findings: list[Finding]
    files: int
    lines: int
    silenced: int
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _File:
    facts: Facts
    silences: Silences


def lint_paths(
    paths: Sequence[str],
    selection: Selection | None = None,
    versions: dict[str, str] | None = None,
    *,
    unused: bool = False,
    processes: int | None = None,
) -> Linted:
    """Lints files and directories.

    Args:
        paths: files of any name, and directories, of which `*.py` and `*.ipynb` are read.
        selection: which rules count where; all, everywhere, when None.
        versions: ``torch`` and ``tensorflow`` -> version; what is installed is taken for one that is missing.
        unused: whether comments that silence nothing are findings.
        processes: how many to use; by default as many as there are processors and work for.

    Raises:
        UsageError: RPK003, a path does not exist; RPK130, a version cannot be read; RPK131, there is nothing to read.
    """
    chosen = selection or Selection()
    found = files(list(paths), chosen)
    if not found:
        raise UsageError("RPK131", f"there is no Python file in {', '.join(map(str, paths))}")
    assumed, shown = versions_of(versions or {})
    read_files = _read_all(found, assumed, processes)
    return _decided(read_files, chosen, shown, _beside(read_files, assumed), unused=unused)


def lint_text(
    text: str | bytes, path: str = "<text>", versions: dict[str, str] | None = None, selection: Selection | None = None
) -> Linted:
    """Lints one text as a program of its own, a notebook when the path ends in ``.ipynb``."""
    data = text.encode() if isinstance(text, str) else text
    assumed, shown = versions_of(versions or {})
    try:
        read_file = _analysed(parse(data, notebook=path.endswith(".ipynb")), path, assumed)
    except NotReadError as error:
        read_file = _unread(path, error)
    return _decided([read_file], selection or Selection(), shown, [], unused=False)


def _read_all(paths: list[str], versions: Versions, processes: int | None) -> list[_File]:
    total = sum(os.path.getsize(path) for path in paths if os.path.exists(path))
    wanted = processes or min(len(os.sched_getaffinity(0)), 1 + total // _BYTES_A_PROCESS, len(paths))
    if wanted <= 1 or _threads() > 1:
        return [_one(path, versions) for path in paths]
    # Large files first, so that no process is left with one at the end.
    order = sorted(range(len(paths)), key=lambda index: -os.path.getsize(paths[index]))
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
    ordered, chunk = [paths[index] for index in order], max(1, len(paths) // (wanted * 16))
    try:
        with ProcessPoolExecutor(wanted, context) as pool:
            read_files = list(pool.map(_one, ordered, [versions] * len(ordered), chunksize=chunk))
    except (BrokenProcessPool, OSError):  # a process was killed, or none could be started
        read_files = [_one(path, versions) for path in ordered]
    done = dict(zip(order, read_files, strict=True))
    return [done[index] for index in range(len(paths))]


def _threads() -> int:
    """How many threads this process has, native ones too. A fork of several (in a test session, say) can hang."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def _beside(read_files: list[_File], versions: Versions) -> list[Facts]:
    """What imported files of the project contribute that were not given: `reprokit lint train.py` knows its seeds.py.

    Nothing in them is reported.
    """
    found: list[Facts] = []
    for _depth in range(_DEPTH):
        missing = Program([one.facts for one in read_files] + found).missing()[: _BESIDE - len(found)]
        if not missing:
            break
        found += [_one(path, versions).facts for path in missing]
    return found


def _one(path: str, versions: Versions) -> _File:
    try:
        return _analysed(read(path), path, versions)
    except NotReadError as error:
        return _unread(path, error)


def _unread(path: str, error: NotReadError) -> _File:
    rule = RULES["RPL090"]
    text = f"not read: {error.reason}"
    finding = Finding("RPL090", rule.level, path, error.line, 1, error.line, text, rule.remedy, rule.source)
    return _File(Facts(path, [finding]), Silences())


def _analysed(source: Source, path: str, versions: Versions) -> _File:
    walk = Walk(path, versions)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _RECURSION))
    try:
        module(walk, source.tree)
    except RecursionError:
        return _unread(path, NotReadError("it is nested too deeply"))
    finally:
        sys.setrecursionlimit(limit)
    facts = walk.facts
    facts.lines = source.text.count("\n")
    facts.defined = {function.name for function in walk.functions}
    found = silences(source.text)
    if source.cells:
        facts.findings = [_in_notebook(finding, source) for finding in facts.findings]
        for comment in found.comments:
            comment.line = source.place(comment.line)[2]
    return _File(facts, found)


def _in_notebook(finding: Finding, source: Source) -> Finding:
    cell, line, in_file = source.place(finding.line)
    last = source.place(finding.end_line)[2]
    return replace(finding, cell=cell, cell_line=line, line=in_file, end_line=max(in_file, last))


def _decided(
    read_files: Iterable[_File], selection: Selection, versions: dict[str, str], beside: list[Facts], *, unused: bool
) -> Linted:
    listed = list(read_files)
    program = Program([one.facts for one in listed] + beside)
    kept: list[Finding] = []
    silenced = 0
    for one in listed:
        for finding in one.facts.findings:
            held = program.holds(finding) if selection.counts(finding.code, finding.path) else None
            if held is None:
                continue
            if one.silences.covers(held):
                silenced += 1
            else:
                kept.append(held)
        if unused:
            kept += [found for found in _unused(one) if selection.counts("RPL091", found.path)]
    order = sorted(set(kept), key=lambda found: (found.path, found.line, found.column, found.code, found.message))
    return Linted(order, len(listed), sum(one.facts.lines for one in listed), silenced, versions)


def _unused(one: _File) -> list[Finding]:
    rule = RULES["RPL091"]
    return [
        Finding("RPL091", rule.level, one.facts.path, comment.line, 1, comment.line,
                f"this comment silences nothing: {', '.join(comment.codes) or 'no finding stands here'}",
                rule.remedy, rule.source)
        for comment in one.silences.unused()
    ]  # fmt: skip
