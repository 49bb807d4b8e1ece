"""Trains a few steps with one framework and tries its switches: a process of its own, started by ``reprokit doctor``.

Usage: ``python -I -m reprokit.launch.probing torch 1,2 switches``. It says ``ready`` when everything is imported, waits
for a line, and answers with one line of JSON. Two of them can import side by side and train one after the other.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
from contextlib import redirect_stdout
from typing import Any, NoReturn

from reprokit.frameworks import adapters
from reprokit.policy.switches import SWITCHES
from reprokit.policy.values import SetOf, Whole

SCRIPTS = {
    "torch": "reprokit.demo.probe_torch",
    "tensorflow": "reprokit.demo.probe_tensorflow",
    "jax": "reprokit.demo.probe_jax",
    "tables": "reprokit.demo.probe_tables",
}
"""What can be probed -> the script that does it."""
_READ_ONCE = ("tensorflow", "jax")  # take threads and modes when they are first used


def main(what: str, threads: list[int], *, switches: bool) -> dict[str, Any]:
    """Imports, waits, trains, tries the switches.

    Args:
        what: a key of `SCRIPTS`.
        threads: numbers of threads to train with.
        switches: whether to try the switches of the frameworks that were imported.

    Returns:
        ``facts``, ``probes`` and ``switches``, or a ``problem`` in one line.
    """
    try:
        script = importlib.import_module(SCRIPTS[what])
    except BaseException as error:  # noqa: BLE001 - a broken install raises anything
        return {"problem": _one_line(error)}
    print("ready", file=sys.__stdout__, flush=True)
    sys.stdin.readline()
    try:
        probes = _forked(script, threads) if what in _READ_ONCE else script.probe(threads)
        answer = {"facts": script.facts(), "probes": probes, "switches": {}}
    except Exception as error:  # noqa: BLE001
        return {"problem": _one_line(error)}
    if switches:
        answer["switches"] = try_switches()
    return answer


def _forked(script: Any, threads: list[int]) -> list[dict[str, Any]]:
    """Probes in children that have the framework imported and unused, one for each number of threads and mode.

    Raises:
        RuntimeError: a child died.
    """
    found: list[dict[str, Any]] = []
    for count in threads:
        for mode in script.MODES:
            reading, writing = os.pipe()
            child = os.fork()
            if not child:
                _answer(script, count, mode, writing)
            os.close(writing)
            with os.fdopen(reading, "rb") as file:
                text = file.read()
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if status or not text:
                reason = text.decode() or f"ended with status {status}"
                raise RuntimeError(f"training with {count} threads, {mode}: {reason}")
            found += json.loads(text)
    return found


def _answer(script: Any, threads: int, mode: str, pipe: int) -> NoReturn:
    """In a child: trains, writes what came of it, and ends without the parent's exit handlers."""
    status = 1
    try:
        if threads == 1 and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        text = json.dumps(script.probe(threads, mode))
        status = 0
    except BaseException as error:  # noqa: BLE001 - the parent names it
        text = _one_line(error)
    finally:
        with os.fdopen(pipe, "wb") as file:
            file.write(text.encode())
        os._exit(status)


def try_switches() -> dict[str, str]:
    """Sets every switch of the frameworks in this process, to each of its values, and reads it back.

    Returns:
        Switch -> empty where it works, else why not.
    """
    found: dict[str, str] = {}
    for framework, name in adapters().items():
        module = sys.modules.get(framework)
        records = [record for record in SWITCHES.values() if record.how == "call" and record.framework == framework]
        if module is None or not records:
            continue
        adapter = importlib.import_module(name)
        for record in records:
            found[record.name] = _try(adapter, module, record.name)
    return found


def _try(adapter: Any, module: Any, name: str) -> str:
    before = adapter.read_back(module).get(name)
    for value in _values(name):
        refused = adapter.apply(module, {name: value})
        if refused:
            return str(refused[name])
        was = adapter.read_back(module).get(name)
        if not SWITCHES[name].holds(value, was):
            return f"set to {value}, and reads {was}"
    if before is not None:
        adapter.apply(module, {name: before})
    return ""


def _values(name: str) -> tuple[Any, ...]:
    """The values to try: the strongest one last; none that another interface to the same setting excludes."""
    record = SWITCHES[name]
    if record.order:
        return record.order
    if isinstance(record.values, Whole):
        return (1,)
    return ("math",) if isinstance(record.values, SetOf) else ()


def _one_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"[:300]


if __name__ == "__main__":
    with redirect_stdout(io.StringIO()):  # what a framework prints is not the answer
        result = main(sys.argv[1], [int(n) for n in sys.argv[2].split(",")], switches="switches" in sys.argv[3:])
    sys.stdout.write(json.dumps(result) + "\n")
