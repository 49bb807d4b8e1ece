"""What seeds an unseeded script: kept on record, given back on replay.

- The global generators of ``random`` and NumPy draw their state from the operating system when they are imported. Their
  state right after the import is stored, and set again in a replay. Frameworks do the same through their adapters.
- Later draws (``random.Random()``, ``random.seed()``, ``SeedSequence()``, ``torch.seed()``) are logged per source and
  call site, since threads reorder one common queue.

Raw ``os.urandom`` and ``secrets`` are never stored: they may be key material.
"""

from __future__ import annotations

import os
import sys

from reprokit.observe.sink import Sink
from reprokit.trace.records import encode_record

TYPE_CHECKING = False  # typing costs 8 ms at start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from reprokit.observe.process import Process

_LIBRARY = ("<frozen", "random.py", "secrets.py", "ambient.py")


def _site() -> str:
    """The nearest caller outside the generators' own modules: file name, function and line."""
    frame = sys._getframe(2)
    while frame.f_back is not None:
        name = frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
        if not frame.f_code.co_filename.startswith("<frozen") and name not in _LIBRARY:
            break
        frame = frame.f_back
    name = frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
    return f"{name}:{frame.f_code.co_name}:{frame.f_lineno}"


class Ambient:
    """Logs the entropy of one process, or plays back what was logged for the process with the same key."""

    def __init__(self, process: Process, recorded: str | None) -> None:
        self._process = process
        self._recorded = recorded
        self._sinks: dict[str, Sink] = {}
        self._queues: dict[str, dict[str, list[str]]] = {}
        self._pid = os.getpid()
        self.forked_as = ""
        self.on = True
        self.giving = True  # False outside the window of a replay: draws of those call sites are not in the record

    def begin(self, process: Process, recorded: str | None) -> None:
        """A run begins in a process that has seen others: its log is a new one."""
        self._process, self._recorded = process, recorded
        self.forked("")
        self.on = True

    def close(self) -> None:
        """Logs no more, until `begin`: what asks gets fresh entropy."""
        self.on = False
        for sink in self._sinks.values():
            sink.close()

    def forked(self, key: str) -> None:
        """A forked child has its own stream under its own key."""
        self._pid, self.forked_as = os.getpid(), key
        self._sinks, self._queues = {}, {}

    def _key(self) -> str:
        """A spawned worker is known by its name (``SpawnProcess-2``) once multiprocessing has told it."""
        process = sys.modules.get("multiprocessing.process")
        name = process.current_process().name if process is not None else "MainProcess"
        base = self.forked_as or self._process.key
        if name == "MainProcess":
            return base
        stem = base.rpartition("/")[0] if "/" in base else base
        return f"{stem}/{name}"

    def _file(self, directory: str, key: str) -> str:
        return os.path.join(directory, key.replace("/", "%2F"))

    def _next(self, key: str, label: str) -> str | None:
        if self._recorded is None:
            return None
        queues = self._queues.get(key)
        if queues is None:
            # Of two threads that are the first at once, each reads the record, and both take from the same one.
            queues = self._queues.setdefault(key, _load(self._file(self._recorded, key)))
        waiting = queues.get(label)
        return waiting.pop(0) if waiting else None

    def value(self, source: str, draw: Callable[[], bytes], *, site: bool = True) -> tuple[bytes, bool]:
        """One value of entropy.

        Returns:
            The bytes, and whether they come from the record. In a replay that asks for more than was recorded, fresh
            entropy is drawn, and the log says ``more``.
        """
        if not self.on:
            return draw(), False
        key = self._key()
        label = f"{source}@{_site()}" if site else source
        stored = self._next(key, label) if self.giving or not site else None
        data = bytes.fromhex(stored) if stored is not None else draw()
        sink = self._sinks.get(key)
        if sink is None:
            directory = os.path.join(self._process.run, "ambient")
            sink = self._sinks.setdefault(key, Sink(self._file(directory, key)))
        how = "given" if stored is not None else ("drawn" if self._recorded is None else "more")
        sink.write(encode_record(label, how, data.hex()))
        return data, stored is not None

    def drew(self, what: str) -> bool:
        """Whether the recorded process drew this, too. While one is recorded: yes, and it is logged."""
        _data, given = self.value(what, lambda: b"1", site=False)
        return given or self._recorded is None

    def leftover(self) -> int:
        """How many recorded values this replayed process never asked for."""
        return sum(len(waiting) for queues in self._queues.values() for waiting in queues.values())


def _load(path: str) -> dict[str, list[str]]:
    from reprokit.trace.records import decode_records

    queues: dict[str, list[str]] = {}
    try:
        with open(path, "rb") as file:
            records = decode_records(file.read())
    except OSError:
        return queues
    for label, _how, data in records:
        queues.setdefault(label, []).append(data)
    return queues


def arm_random(module: Any, ambient: Ambient) -> None:
    """Pins the global state of ``random`` and the seeds of unseeded ``Random`` objects."""
    state = ",".join(map(str, module.getstate()[1])).encode()
    data, given = ambient.value("random.state", lambda: state, site=False)
    if given:
        module.setstate((3, tuple(int(x) for x in data.split(b",")), None))
    log_random_seeds(module, ambient)
    os.register_at_fork(after_in_child=lambda: seed_forked(module, ambient, data))


def seed_forked(module: Any, ambient: Ambient, entropy: bytes) -> None:
    """Seeds a forked child's global generator from ``entropy`` and the child's key.

    ``random`` lets the operating system seed it anew in every forked child (its ``os.register_at_fork``), with the
    method that `log_random_seeds` cannot stand in for. This comes after it, and differs from child to child too.
    """
    if ambient.on and ambient.forked_as:
        from hashlib import sha256

        drawn = sha256(b"\0".join([entropy, ambient.forked_as.encode()])).digest()
        module._inst.seed(int.from_bytes(drawn, "little"))


def log_random_seeds(module: Any, ambient: Ambient) -> None:
    """Logs, or gives back, the seeds of unseeded ``Random`` objects."""
    original = module.Random.seed

    def seed(self: Any, a: Any = None, version: int = 2) -> None:
        if a is None and ambient is not None:
            drawn, _given = ambient.value("random.Random", lambda: os.urandom(32))
            a = int.from_bytes(drawn, "little")
        original(self, a, version)

    seed.__doc__, seed.__qualname__, seed.__module__ = original.__doc__, original.__qualname__, original.__module__
    module.Random.seed = seed
    module.seed = module._inst.seed


def arm_numpy(module: Any, ambient: Ambient) -> None:
    """Pins NumPy's global generator and the entropy of unseeded ``SeedSequence`` objects."""
    log_numpy_seeds(ambient)
    state = module.mtrand._rand.get_state(legacy=True)
    packed = state[1].astype("<u4").tobytes() + int(state[2]).to_bytes(4, "little")
    data, given = ambient.value("numpy.random.state", lambda: packed, site=False)
    if given:
        import numpy as np

        key = np.frombuffer(data[:-4], "<u4").astype(np.uint32)
        module.mtrand._rand.set_state(("MT19937", key, int.from_bytes(data[-4:], "little"), 0, 0.0))
    _pin_numpy_entropy(module.mtrand._rand._bit_generator, ambient)


def _pin_numpy_entropy(generator: Any, ambient: Ambient) -> None:
    """Pins the entropy that NumPy's global generator was seeded with.

    Nothing draws from it any more, but NumPy pickles it with the generator, and estimators that hold the generator are
    pickled with it (``MLPClassifier._random_state`` of scikit-learn). Before NumPy 1.24 it was not pickled.
    """
    held = generator.__getstate__()
    entropy = getattr(held[1], "entropy", None) if isinstance(held, tuple) else None
    if not isinstance(entropy, int):
        return
    data, given = ambient.value("numpy.random.entropy", lambda: entropy.to_bytes(32, "little"), site=False)
    if given:
        generator.__setstate__((held[0], type(held[1])(int.from_bytes(data, "little"))))


def log_numpy_seeds(ambient: Ambient) -> None:
    """Logs, or gives back, the entropy of unseeded ``SeedSequence`` objects.

    ``SeedSequence()`` calls the global ``randbits`` of ``numpy.random.bit_generator``; replacing that one name leaves
    ``secrets`` untouched.
    """
    bit_generator = sys.modules["numpy.random.bit_generator"]
    original = bit_generator.randbits

    def randbits(bits: int) -> int:
        size = (bits + 7) // 8
        drawn, _given = ambient.value("numpy.SeedSequence", lambda: original(bits).to_bytes(size, "little"))
        return int.from_bytes(drawn, "little")

    bit_generator.randbits = randbits  # type: ignore[attr-defined]


def arm_mlflow_names(module: Any, ambient: Ambient) -> None:
    """MLflow's names of runs take as much from the script's generator in a replay as they did in the recording.

    MLflow draws them from Python's global generator where it makes a run itself, and nothing where a server does or
    where a run is continued. A replay speaks to no server: it would draw where the recording did not, and part from it
    before the first step. A recording is left as it is, and it is logged that names were drawn.
    """
    module.random = _Names(module.random, ambient)


class _Names:
    """The module ``random``, as ``mlflow.utils.name_utils`` sees it."""

    def __init__(self, module: Any, ambient: Ambient) -> None:
        self._module, self._ambient = module, ambient
        self._source: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._source is None:
            self._source = self._module if self._ambient.drew("mlflow.names") else self._module.SystemRandom()
        return getattr(self._source, name)
