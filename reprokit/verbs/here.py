"""Records this process itself, from one statement to another: what `reprokit.run` does outside a recording."""

from __future__ import annotations

import builtins
import os
import shutil
import sys
import time
import traceback
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from reprokit.launch.late import too_late
from reprokit.launch.lineage_events import announce, call_off, starting
from reprokit.launch.recording import OBSERVE, armed_environment
from reprokit.launch.runner import Outcome
from reprokit.observe.inline import begin
from reprokit.observe.process import script_name
from reprokit.policy.policies import settled_environment
from reprokit.schema.manifest import Notice, Window
from reprokit.verbs.record import finish, make_plan, prepare_watch

if TYPE_CHECKING:
    from reprokit.launch.plan import Plan, RecordOptions
    from reprokit.schema.record import RecordReport


def interactive() -> bool:
    """Whether statements come from a person: a prompt, standard input, IPython or a notebook."""
    asked = hasattr(sys, "ps1") or bool(sys.flags.interactive) or hasattr(builtins, "__IPYTHON__")
    return asked or not sys.orig_argv[1:] or script_name(sys.orig_argv) == "stdin"


class Here:
    """One recording of this process. Between `start` and `finish` it is observed.

    Args:
        options: as for `reprokit.verbs.record.record`.
        number: which ``reprokit.run`` of this process it is, from 1.

    Raises:
        UsageError: RPK004, RPK005; nothing has been changed.
    """

    def __init__(self, options: RecordOptions, number: int) -> None:
        at_prompt = interactive()
        name = options.name or ("notebook" if at_prompt else None)
        self._plan: Plan = make_plan(list(sys.orig_argv), replace(options, name=name), running=True)
        self._plan.interactive = at_prompt
        self._number = number
        self._restore = ExitStack()

    def start(self) -> None:
        """Observes this process, and those that it starts, from here on."""
        plan = self._plan
        announce(starting(plan), plan.collector)
        try:
            self._watch, config = prepare_watch(plan)
            for name in ("stdout.txt", "stderr.txt"):
                (plan.directory / "logs" / name).touch()
            self._change_environment()
            self._session = begin(str(plan.directory), config)
        except BaseException:
            self._restore.close()
            call_off(starting(plan), plan.collector)
            shutil.rmtree(plan.directory, ignore_errors=True)
            raise
        plan.window = None if plan.interactive else Window(process=self._session.process.key, number=self._number)
        if plan.interactive:
            message = "made in a notebook or at a prompt: there is no command, so it cannot be replayed"
            plan.warnings.append(Notice(code="RPK080", message=message))
        elif not plan.hash_seed:
            message = "PYTHONHASHSEED was not set when this process started, so a replay draws another one"
            plan.warnings.append(Notice(code="RPK083", message=message))

    def _change_environment(self) -> None:
        """Arms the processes that will be started, and sets a policy's variables; `finish` takes it back."""
        armed = armed_environment(dict(os.environ), self._plan.directory)
        settled, _gone = settled_environment(self._plan.policy, os.environ)
        wanted = {name: armed[name] for name in ("PYTHONPATH", OBSERVE)} | settled
        self._plan.warnings += [Notice(code="RPK127", message=text) for text in too_late(self._plan.policy)]
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)

        def restore() -> None:
            for name, value in before.items():
                if os.environ.get(name) == wanted[name]:  # the script's own change stays
                    os.environ.pop(name)
                    os.environ.update({name: value} if value is not None else {})

        self._restore.callback(restore)

    def finish(self, error: BaseException | None) -> RecordReport:
        """Ends the recording and writes the bundle.

        Args:
            error: the exception that ended the run, if one did.

        Raises:
            UsageError: RPK005, the bundle cannot be written; the raw recording is kept.
        """
        plan = self._plan
        duration = time.time() - plan.started
        try:
            self._session.end()
        finally:
            self._restore.close()
        status, signal = _status_of(error)
        logs = plan.directory / "logs"
        if error is not None:
            text = "".join(traceback.format_exception(error))
            with (logs / "stderr.txt").open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        if plan.interactive and (cells := _cells()):
            (logs / "cells.py").write_text(cells, encoding="utf-8", errors="backslashreplace")
        return finish(plan, self._watch, Outcome(status, signal, duration, timed_out=False, interrupted=False))

    def abandon(self) -> None:
        """Ends the recording, and leaves nothing of it."""
        try:
            self._session.end()
        finally:
            self._restore.close()
            self._watch.after()
            call_off(starting(self._plan), self._plan.collector)
            shutil.rmtree(self._plan.directory, ignore_errors=True)

    def leave(self) -> None:
        """In a forked child: its trace ends here, and the bundle is its parent's to write."""
        self._session.end()


def _status_of(error: BaseException | None) -> tuple[int, int | None]:
    """The exit status and signal that a script ended by ``error`` has."""
    if error is None:
        return 0, None
    if isinstance(error, SystemExit):
        code = error.code
        return (0 if code is None else code & 0xFF if isinstance(code, int) else 1), None
    return (130, 2) if isinstance(error, KeyboardInterrupt) else (1, None)


def _cells() -> str:
    """What was entered in IPython so far, cell by cell."""
    shell = getattr(builtins, "get_ipython", lambda: None)()
    cells = getattr(shell, "user_ns", {}).get("In", [])
    return "\n\n".join(f"# In [{number}]\n{cell}" for number, cell in enumerate(cells) if cell)
