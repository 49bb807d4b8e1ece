"""Reads the states of the global generators of Python and NumPy in a few microseconds.

``random.getstate()`` builds a tuple of 625 integers; hashing that costs more than a small training step may. The
generator's words lie in its object in memory, right behind the object's header (CPython: ``struct RandomObject``,
Modules/_randommodule.c). They are read there when, and only when, they were found to equal ``getstate()`` at start.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.digest import TensorHash

_WORDS = 625


def _python_words(module: Any) -> bytes:
    *key, index = module.getstate()[1]
    return struct.pack("<625I", index, *key)  # in the order in which they lie in memory


def _python_reader(module: Any) -> Callable[[], Any]:
    """A function that returns the state's bytes: from memory where that is proven right, else by ``getstate``."""
    instance = module._inst
    if sys.implementation.name == "cpython" and sys.byteorder == "little":
        raw = (ctypes.c_char * (4 * _WORDS)).from_address(id(instance) + object.__basicsize__)
        index, *key = struct.unpack("<625I", raw.raw)
        if (*key, index) == module.getstate()[1]:
            return lambda: raw if module._inst is instance else _python_words(module)
    return lambda: _python_words(module)


def _numpy_state(mtrand: Any) -> tuple[Any, bytes]:
    """Key words and the rest, Gaussian cache included: without it two different states look alike."""
    name, *rest = mtrand._rand.get_state(legacy=True)
    if name == "MT19937":
        key, position, has_gauss, cached = rest
        return key, struct.pack("<qqd", position, has_gauss, cached)
    return repr(rest).encode(), name.encode()


class GeneratorStates:
    """Digests of the global generators that exist: those whose modules have been imported."""

    def __init__(self) -> None:
        self._python: Callable[[], Any] | None = None

    def digests(self, hasher: TensorHash, extra: list[tuple[str, bytes]]) -> tuple[list[str], list[bytes]]:
        """Names and 16-byte digests, in a fixed order."""
        names, digests = [], []
        module = sys.modules.get("random")
        if module is not None and hasattr(module, "_inst"):
            if self._python is None:
                self._python = _python_reader(module)
                self._seed = hasher.prepare(b"rng|")
            names.append("python")
            cached = module._inst.gauss_next
            seed = self._seed if cached is None else hasher.prepare(f"rng|{cached!r}".encode())
            digests.append(hasher.digest(seed, self._python()))
        mtrand = sys.modules.get("numpy.random.mtrand")
        if mtrand is not None:
            key, rest = _numpy_state(mtrand)
            names.append("numpy")
            digests.append(hasher.digest(hasher.prepare(rest), key))
        for name, state in extra:
            names.append(name)
            digests.append(hasher.digest(hasher.prepare(b"rng|"), state))
        return names, digests
