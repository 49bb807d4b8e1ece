"""Which Python processes of a run were not observed, and why: said, not hidden."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reprokit.capture.process_tree import is_python, python_flags
from reprokit.capture.secrets import scrub_arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.capture.process_tree import SeenProcess
    from reprokit.observe.reading import ObservedProcess


# `torch.compile` asks, in a process of its own, whether a library that it has just compiled can be loaded; see
# `_avx_py_load` in PyTorch's torch/_inductor/cpu_vec_isa.py.
_PROBE = re.compile(r"\A[^\n]+\n-c\n\s*import (?:sys|torch)[^\n]*\n(?:if sys\.platform[^\n]*\n\s+import torch[^\n]*\n)?"
                    r"from ctypes import cdll\ncdll\.LoadLibrary\([^\n]*\)\s*\Z")  # fmt: skip


def unobserved_processes(seen: list[SeenProcess], observed: list[ObservedProcess], command: list[str]) -> list[str]:
    """A sentence for each Python process that never said hello.

    Args:
        seen: the processes of the run, sampled from outside; very short ones may be missing.
        observed: those that said hello.
        command: the run's command, for the case that it was gone before it could be sampled.
    """
    known = {process.pid for process in observed}
    lines = {process.pid: process.arguments for process in seen}
    said = []
    for process in seen:
        if process.pid in known or not is_python(process.executable, process.arguments):
            continue
        twin = process.samples <= 1 and process.arguments == lines.get(process.parent)
        if process.parent in known and (twin or not process.arguments[1:]):
            continue  # between fork and exec: a child that goes on as a copy of its parent has said hello
        if _PROBE.search("\n".join(process.arguments)):
            continue
        reason = _reason(process.arguments) or "it did not load the observer"
        said.append(f"process {process.pid} ({' '.join(process.arguments)[:200]}) was not observed: {reason}")
    for parent in observed:
        for arguments in parent.starts:
            text = " ".join(scrub_arguments(arguments)[0])[:200]
            if not any(text in sentence for sentence in said):
                reason = _reason(arguments) or "its environment was cleared"
                said.append(f"a process that {parent.key} started ({text}) was not observed: {reason}")
    if not observed and not said:
        if reason := _reason(command):
            said.append(f"{command[0]} was not observed: {reason}")
        else:
            said.append("no Python process was observed: the command is no Python program, or clears its environment")
    return said


def _reason(arguments: Sequence[str]) -> str:
    flags = python_flags(list(arguments))
    return f"it was started with {' '.join(sorted(flags))}" if flags else ""
