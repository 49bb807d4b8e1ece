"""Seeds the global generators, and keeps their states where a run begins."""

from __future__ import annotations

import hashlib
import struct
import sys
from typing import TYPE_CHECKING, Any

from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.observe.start import Session


def fitting(seed: int, bits: int) -> int:
    """A seed of at most ``bits`` bits: the seed itself where it fits, else one derived from all of it.

    NumPy takes 32 bits and PyTorch 64; cutting the rest off would give many seeds the same numbers.

    >>> fitting(7, 32), fitting(2**32 - 1, 32) == 2**32 - 1, fitting(2**32, 32) == 0
    (7, True, False)
    """
    if 0 <= seed < 1 << bits:
        return seed
    return int.from_bytes(hashlib.sha256(f"reprokit seed {seed}".encode()).digest()[: bits // 8], "little")


def check_seed(seed: object) -> None:
    """Refuses what is no seed.

    Raises:
        UsageError: RPK001, it is neither an integer nor None.
    """
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise UsageError("RPK001", f"the seed {seed!r} is no integer")


def seed_generators(seed: int, session: Session | None) -> None:
    """Seeds `random`, NumPy, PyTorch and TensorFlow: those imported at once, the others when they are imported.

    JAX has no global generator: make a key of the seed.

    Args:
        seed: any integer.
        session: waits for the imports; without one, only what is imported is seeded.

    """
    for name, act in _SEEDERS.items():
        module = sys.modules.get(name)
        if module is not None:
            act(module, seed)
        elif session is not None:
            session.imports.add(name, _later(act, seed))


def _later(act: Callable[[Any, int], None], seed: int) -> Callable[[Any], None]:
    return lambda module: act(module, seed)


_SEEDERS: dict[str, Callable[[Any, int], None]] = {
    "random": lambda module, seed: module.seed(seed),
    "numpy.random": lambda module, seed: module.seed(fitting(seed, 32)),
    "torch": lambda module, seed: module.manual_seed(fitting(seed, 64)),
    "tensorflow": lambda module, seed: module.random.set_seed(fitting(seed, 32)),
}


def pin_states(session: Session) -> None:
    """Keeps the generators' states at the start of a run; in a replay, sets them as they were recorded.

    A run may begin long after its generators were first seeded, or drawn from.
    """
    for name, (read, write) in _STATES.items():
        module = sys.modules.get(name)
        if module is None:
            continue
        state = read(module)
        data, given = session.ambient.value(f"run.{name}.state", lambda state=state: state, site=False)  # type: ignore[misc]
        if given and data != state:
            write(module, data)


def _read_python(module: Any) -> bytes:
    _version, words, cached = module.getstate()
    data: bytes = struct.pack("<625I?d", *words, cached is not None, cached or 0.0)
    return data


def _write_python(module: Any, data: bytes) -> None:
    *words, has, cached = struct.unpack("<625I?d", data)
    module.setstate((3, tuple(words), cached if has else None))


def _read_numpy(module: Any) -> bytes:
    name, key, position, has, cached = module.get_state(legacy=True)
    words: bytes = key.astype("<u4").tobytes()
    return words + struct.pack("<i?d", position, has, cached) + str(name).encode()


def _write_numpy(module: Any, data: bytes) -> None:
    import numpy as np

    position, has, cached = struct.unpack_from("<i?d", data, 2496)
    key = np.frombuffer(data[:2496], "<u4").astype(np.uint32)
    module.set_state((data[2509:].decode(), key, position, int(has), cached))


def _read_torch(module: Any) -> bytes:
    return bytes(module.get_rng_state().numpy())


def _write_torch(module: Any, data: bytes) -> None:
    module.set_rng_state(module.frombuffer(bytearray(data), dtype=module.uint8).clone())


_STATES: dict[str, tuple[Callable[[Any], bytes], Callable[[Any, bytes], None]]] = {
    "random": (_read_python, _write_python),
    "numpy.random": (_read_numpy, _write_numpy),
    "torch": (_read_torch, _write_torch),
}


def generator_states() -> dict[str, bytes]:
    """The states of the global generators that are in use in this process, by module."""
    return {name: read(sys.modules[name]) for name, (read, _write) in _STATES.items() if name in sys.modules}
