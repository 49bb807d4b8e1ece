"""Recognises, in the process that starts it, a Python that will not load the observer.

Such a process may live for a few milliseconds only, so that nobody who samples from outside sees it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing costs 8 ms at start
if TYPE_CHECKING:
    from typing import Any


def shut_out(event: str, arguments: tuple[Any, ...]) -> list[str]:
    """The command line of a Python that is about to be started unobserved.

    Args:
        event: the audit event: ``os.exec``, ``os.posix_spawn``, ``os.system`` or ``subprocess.Popen``.
        arguments: of the event.

    Returns:
        Nothing for other programs, and for a Python that gets the observer.
    """
    if event == "os.system":
        return _in_shell_command(os.fsdecode(arguments[0]))
    program, command = arguments[0], arguments[1]
    environment = arguments[3] if event == "subprocess.Popen" else arguments[2]
    words = [os.fsdecode(word) for word in ([command] if isinstance(command, (str, bytes)) else command)]
    if len(words) > 2 and words[1] == "-c" and not _is_python(words[0]):
        return _in_shell_command(words[2])
    if not (_is_python(os.fsdecode(program or "")) or _is_python(words[0] if words else "")):
        return []
    cleared = environment is not None and not {"REPROKIT_OBSERVE", b"REPROKIT_OBSERVE"} & set(environment)
    return words if cleared or _ignores_environment(words) else []


def _in_shell_command(text: str) -> list[str]:
    words = text.split()
    for at, word in enumerate(words):
        if _is_python(word) and _ignores_environment(words[at:]):
            return words[at:]
    return []


def _is_python(program: str) -> bool:
    return program.rpartition("/")[2].startswith(("python", "pypy"))


def _ignores_environment(words: list[str]) -> bool:
    """Whether the interpreter's own options hold -I, -E or -S; see ``reprokit.capture.process_tree.python_flags``."""
    rest = iter(words[1:])
    for word in rest:
        if word[:1] != "-" or word in ("-", "--"):
            return False
        if word[:2] == "--":
            continue
        for at, letter in enumerate(word[1:], 2):
            if letter in "IES":
                return True
            if letter in "cm":
                return False
            if letter in "XW":
                if at == len(word):
                    next(rest, None)
                break
    return False
