"""What an adapter must keep to, as checks that anyone can run on an adapter of their own.

Write a `Case`: a short training script, how many steps it makes, and a change to it that moves one number. Then call
the checks, from pytest for example; each raises AssertionError with what it saw. Scripts run in fresh interpreters.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from reprokit.launch.recording import Observation, armed_environment, prepare
from reprokit.observe.reading import read_processes
from reprokit.trace.passed import read_all_rows
from reprokit.trace.raw import FINAL, read_blocks

if TYPE_CHECKING:
    from pathlib import Path

    from reprokit.observe.reading import ObservedProcess

FUNCTIONS = ("arm", "read_back", "apply", "seed")


@dataclass(frozen=True)
class Case:
    """An adapter and a script to try it on.

    Attributes:
        framework: the framework's import name.
        adapter: the adapter's module.
        script: a training script whose last printed line is a digest of the final state.
        steps: how many steps it makes.
        fault: a text of the script and what to put in its place, so that one number moves by a little …
        fault_step: … in this step.
        stream: the part of a stream's name behind the process's, where steps have a stream of their own.
        path: directories that the script needs on PYTHONPATH.
    """

    framework: str
    adapter: str
    script: str
    steps: int
    fault: tuple[str, str]
    fault_step: int
    stream: str = ""
    path: tuple[str, ...] = ()


@dataclass
class Traced:
    """One run of a script: its last line, and, where it was observed, a dictionary of digests a step."""

    state: str
    rows: list[dict[str, bytes]] = field(default_factory=list)
    fired: set[str] = field(default_factory=set)
    disabled: dict[str, str] = field(default_factory=dict)


class Runs:
    """The runs of a case, made when they are asked for.

    Args:
        case: the case.
        directory: an empty directory.
    """

    def __init__(self, case: Case, directory: Path) -> None:
        self.case = case
        self._directory = directory

    @cached_property
    def plain(self) -> Traced:
        """Without the observer."""
        return Traced(self._run(self.case.script, self._environment()))

    @cached_property
    def observed(self) -> Traced:
        """With it, every part of every step digested."""
        return self._observe("first", self.case.script)

    @cached_property
    def again(self) -> Traced:
        """The same once more, with the generators in the states in which the first run began, as in a replay."""
        return self._observe("second", self.case.script, like="first")

    @cached_property
    def faulty(self) -> Traced:
        """With the fault in it."""
        old, new = self.case.fault
        assert self.case.script.count(old) == 1, f"{old!r} does not stand once in the script"
        return self._observe("faulty", self.case.script.replace(old, new), like="first")

    @cached_property
    def functions(self) -> dict[str, Any]:
        """What the adapter's functions say in a process of their own."""
        return dict(json.loads(self._run(_FUNCTIONS_SCRIPT, self._environment())))

    @cached_property
    def lifecycle(self) -> dict[str, Any]:
        """What became of the trace when the adapter was stopped, begun, forked and closed."""
        script = f"{self.case.script}\n{_LIFECYCLE_SCRIPT.replace('@SCRIPT@', repr(self.case.script))}"
        return dict(json.loads(self._observe("lifecycle", script).state))

    def _environment(self) -> dict[str, str]:
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "REPROKIT", "PYTEST"))}
        plain |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "PYTHONHASHSEED": "0"}
        return plain | ({"PYTHONPATH": os.pathsep.join(self.case.path)} if self.case.path else {})

    def _run(self, script: str, environment: dict[str, str]) -> str:
        self._directory.mkdir(parents=True, exist_ok=True)
        file = self._directory / "script.py"  # one name: a process's key is made of it
        file.write_text(script, "utf-8")
        done = subprocess.run(
            [sys.executable, str(file), self.case.framework, self.case.adapter],
            cwd=self._directory, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"the script failed:\n{done.stderr[-2000:]}"
        return done.stdout.strip().splitlines()[-1]

    def _observe(self, name: str, script: str, like: str = "") -> Traced:
        if like and not (self._directory / like).exists():
            _ = self.observed
        recording = self._directory / name
        asked = Observation(
            root=str(self._directory),
            level="full",
            ambient=str(self._directory / like / "ambient") if like else None,
            frameworks={self.case.framework: self.case.adapter},
        )
        prepare(recording, asked)
        traced = Traced(self._run(script, armed_environment(self._environment(), recording)))
        for process in read_processes(recording):
            traced.fired |= set(process.fired)
            traced.disabled |= process.disabled
            if process.key == f"script{self.case.stream}":
                traced.rows = _rows(process)
        return traced


def _rows(process: ObservedProcess) -> list[dict[str, bytes]]:
    path = process.directory / "blocks"
    blocks = read_blocks(path.read_bytes()) if path.exists() else {}
    return [
        {
            f"{blocks[number].part}: {column.name}": data[16 * i : 16 * i + 16]
            for number, data in row.blocks.items()
            for i, column in enumerate(blocks[number].columns)
        }
        for row in read_all_rows(process.directory, blocks)
        if not row.flags & FINAL
    ]


def check_functions(runs: Runs) -> None:
    """The module has every function; switches read back as plain values, and an unknown one is refused by name."""
    said = runs.functions
    assert said["missing"] == [], f"the adapter lacks {said['missing']}"
    assert said["read"], "read_back returned nothing, not even a version"
    for name, value in said["read"].items():
        assert value is None or isinstance(value, (bool, int, float, str)), f"{name} reads back as {value!r}"
    assert said["refused"], "apply did not refuse a switch that does not exist"
    assert all(said["refused"].values()), "apply refused a switch and gave no reason"


def check_not_disturbed(runs: Runs) -> None:
    """The final state has the same bits with the observer and without, and the fault shows that it could differ."""
    assert runs.observed.disabled == {}, f"the observer switched itself off: {runs.observed.disabled}"
    assert runs.plain.state == runs.observed.state, "the observer changed the final state"
    assert runs.faulty.state != runs.plain.state, "the fault changes nothing, so it proves nothing"


def check_rows(runs: Runs) -> None:
    """N steps are N rows, each with digests, and the adapter says that it saw something."""
    assert len(runs.observed.rows) == runs.case.steps, f"{runs.case.steps} steps, {len(runs.observed.rows)} rows"
    assert all(runs.observed.rows), "a step has no digests"
    assert runs.observed.fired, "no observer fired"


def check_equal_runs(runs: Runs) -> None:
    """Two equal runs have equal rows."""
    assert runs.observed.rows == runs.again.rows, f"equal runs differ in {_first_difference(runs.observed, runs.again)}"


def check_fault(runs: Runs) -> None:
    """A number that moved shows in the step in which it moved, and not before."""
    found = _first_difference(runs.observed, runs.faulty)
    assert found is not None, "the fault is in no row"
    assert found[0] == runs.case.fault_step, f"the fault of step {runs.case.fault_step} was seen in {found}"


def check_lifecycle(runs: Runs) -> None:
    """A stopped observer writes nothing, one that begins again does, forked() and close() can be called at any time."""
    said = runs.lifecycle
    assert said["stopped"] == 0, f"{said['stopped']} bytes were written after stop()"
    assert said["begun"] > 0, "nothing was written after begin()"
    assert said["armed twice"], "a second arm() broke training"


CHECKS = (check_functions, check_not_disturbed, check_rows, check_equal_runs, check_fault, check_lifecycle)


def _first_difference(one: Traced, other: Traced) -> tuple[int, list[str]] | None:
    for step, (a, b) in enumerate(zip(one.rows, other.rows, strict=False), 1):
        names = sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))
        if names:
            return step, names
    return None if len(one.rows) == len(other.rows) else (min(len(one.rows), len(other.rows)) + 1, [])


_FUNCTIONS_SCRIPT = """
import importlib, json, sys
framework, adapter = sys.argv[1:3]
module, parts = importlib.import_module(framework), importlib.import_module(adapter)
missing = [name for name in ("arm", "read_back", "apply", "seed") if not callable(getattr(parts, name, None))]
said = {"missing": missing, "read": {}, "refused": {}}
if not missing:
    for seed in (0, 2**63, 2**200, -1):
        parts.seed(module, seed)
    said["read"] = dict(parts.read_back(module))
    said["refused"] = dict(parts.apply(module, {f"{framework}.no_such_switch": 1}))
print(json.dumps(said))
"""

_LIFECYCLE_SCRIPT = """
import contextlib as _contextlib, importlib as _importlib, io as _io, json as _json, os as _os, sys as _sys
from reprokit.observe.start import current as _current
_session = _current()
_adapter = _session.adapters[-1]

def _written():
    _top = _os.path.join(_session.run, "processes")
    return sum(
        _os.path.getsize(_os.path.join(_top, _one, "rows"))
        for _one in _os.listdir(_top) if _os.path.exists(_os.path.join(_top, _one, "rows"))
    )

def _train():
    with _contextlib.redirect_stdout(_io.StringIO()):
        exec(compile(@SCRIPT@, "again.py", "exec"), {"__name__": "__main__"})

_adapter.close()
_adapter.stop()
_before = _written()
_train()
_stopped = _written() - _before
_adapter.begin()
_train()
_adapter.close()
_begun = _written() - _before
_adapter.forked()
_adapter.stop()
_framework, _name = _sys.argv[1:3]
_second = _importlib.import_module(_name).arm(_sys.modules[_framework], _session)
_train()
_second.close()
_twice = _framework not in _session.disabled
print(_json.dumps({"stopped": _stopped, "begun": _begun, "armed twice": _twice}))
"""
