"""Sets, inside the user's process, what a policy sets there, and reads every switch back.

What a policy asks for is in the recording's configuration:

- ``seeds``: framework -> a seed of any size
- ``switches``: framework -> switch -> value
- ``process_switches``: switch -> value, for those that no framework owns
- ``recorded_switches``: in a replay, process -> framework -> switch -> the value that it had at the start
- ``switch_variables``: switch -> environment variable
"""

from __future__ import annotations

import os

from reprokit.observe.ambient import seed_forked

TYPE_CHECKING = False  # typing costs 8 ms at start
if TYPE_CHECKING:
    from typing import Any

    from reprokit.observe.start import Session


def arm_process(session: Session) -> None:
    """What is set before the script starts: the order of listings, the seeds of Python and NumPy."""
    if session.config.get("process_switches", {}).get("python.file_order") == "sorted":
        sort_listings()
    for name, wanted, act in (("random", "python", seed_python), ("numpy.random", "numpy", seed_numpy)):
        if wanted in session.config.get("seeds", {}):
            session.imports.add(name, _seeding(session, wanted, act))
    note_variables(session, "start")


def _seeding(session: Session, wanted: str, act: Any) -> Any:
    """Looks the seed up when the module is imported: one run of a process may have ended by then."""

    def seed(module: Any) -> None:
        value = session.config.get("seeds", {}).get(wanted)
        if value is not None:
            act(module, value)
            if wanted == "python":
                os.register_at_fork(after_in_child=lambda: _seed_child(session, module))

    return seed


def _seed_child(session: Session, module: Any) -> None:
    value = session.config.get("seeds", {}).get("python")
    if value is not None:
        seed_forked(module, session.ambient, format(value, "x").encode())


def seed_python(module: Any, seed: int) -> None:
    """Seeds `random`'s global generator."""
    from reprokit.policy.seeds import derive

    module.seed(derive(seed, "python"))


def seed_numpy(module: Any, seed: int) -> None:
    """Seeds NumPy's global generator."""
    from reprokit.policy.seeds import derive32

    module.seed(derive32(seed, "numpy"))


def set_up(session: Session, name: str, module: Any, adapter: Any) -> None:
    """Seeds a framework that has just been imported, and sets its switches.

    A replay first brings it to where the recorded process had it at its start (the number of threads, for example),
    touching only what differs.
    """
    seed = session.config.get("seeds", {}).get(name)
    if seed is not None:
        _guarded(session, name, "seed", adapter, module, seed)
    recorded = session.config.get("recorded_switches", {}).get(session.process.key, {}).get(name, {})
    if recorded:
        now = _guarded(session, name, "read_back", adapter, module) or {}
        apart = {key: value for key, value in recorded.items() if key in now and now[key] != value}
        _apply(session, name, adapter, module, apart)
    _apply(session, name, adapter, module, session.config.get("switches", {}).get(name, {}))


def _apply(session: Session, name: str, adapter: Any, module: Any, switches: dict[str, Any]) -> None:
    if not switches:
        return
    refused = _guarded(session, name, "apply", adapter, module, switches)
    if refused is None:
        refused = dict.fromkeys(switches, f"the adapter of {name} cannot set it")
    for switch, reason in refused.items():
        session.note("refused", switch, str(reason))


def _guarded(session: Session, name: str, function: str, adapter: Any, *arguments: Any) -> Any:
    """Calls a function of an adapter; None where it has none or broke."""
    found = getattr(adapter, function, None)
    if found is None:
        return None
    try:
        return found(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever an adapter does, the script must start
        session.failed(f"{name}.{function}", error)
        return None


def note_framework(session: Session, name: str, when: str) -> None:
    """Notes the switches of one framework as they are."""
    module, adapter = session.frameworks[name]
    for switch, value in (_guarded(session, name, "read_back", adapter, module) or {}).items():
        session.note("switch", when, switch, repr(value))


def note_variables(session: Session, when: str) -> None:
    """Notes the switches that are environment variables, and the order of listings."""
    for switch, variable in session.config.get("switch_variables", {}).items():
        value = os.environ.get(variable)
        if value is not None:
            session.note("switch", when, switch, repr(value))
    session.note("switch", when, "python.file_order", repr("sorted" if is_sorting() else "system"))


def note_switches(session: Session, when: str) -> None:
    """Notes every switch as it is: after the first step, and at exit, since a script can undo what a policy set."""
    note_variables(session, when)
    for name in list(session.frameworks):
        note_framework(session, name, when)


def note_changes(session: Session) -> None:
    """Notes each value that a switch of the policy has had beside the one at the first step, once.

    This is asked at every step that is digested: a script can undo a switch and set it again before it ends.
    """
    for name, wanted in session.config.get("switches", {}).items():
        if name not in session.frameworks:
            continue
        module, adapter = session.frameworks[name]
        values = _guarded(session, name, "read_back", adapter, module) or {}
        for switch in wanted:
            text = repr(values.get(switch))
            seen = session.values.setdefault(switch, [text])
            if text not in seen:
                seen.append(text)
                session.note("between", switch, text)


def sort_listings() -> None:
    """From now on `os.listdir` and `os.scandir` list names in sorted order, and all that stands on them."""
    if not hasattr(os.listdir, "reprokit"):
        os.listdir = _sorted_listdir(os.listdir)
        os.scandir = _sorted_scandir(os.scandir)
        os.supports_fd |= {os.listdir, os.scandir}  # `shutil.rmtree` asks, and would take a less safe way


def is_sorting() -> bool:
    """Whether listings are in sorted order."""
    return hasattr(os.listdir, "reprokit") and hasattr(os.scandir, "reprokit")


def unsort_listings() -> None:
    """Takes `sort_listings` back, unless somebody has put something else in its place since."""
    for name in ("listdir", "scandir"):
        original = getattr(getattr(os, name), "reprokit", None)
        if original is not None:
            setattr(os, name, original)


def _sorted_listdir(original: Any) -> Any:
    def listdir(path: Any = None) -> Any:
        return sorted(original(path))

    return _dressed(listdir, original)


def _sorted_scandir(original: Any) -> Any:
    def scandir(path: Any = None) -> Any:
        return _Entries(original(path))

    return _dressed(scandir, original)


def _dressed(function: Any, original: Any) -> Any:
    function.__name__ = function.__qualname__ = original.__name__
    function.__doc__, function.__module__ = original.__doc__, original.__module__
    function.reprokit = original
    return function


class _Entries:
    """What `os.scandir` returns, in sorted order: read at the first entry, since a script may close it unread."""

    def __init__(self, entries: Any) -> None:
        self._entries = entries
        self._sorted: Any = None

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        if self._sorted is None:
            self._sorted = iter(sorted(self._entries, key=lambda entry: entry.name))
        return next(self._sorted)

    def close(self) -> None:
        self._entries.close()
        self._sorted = iter(())

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
