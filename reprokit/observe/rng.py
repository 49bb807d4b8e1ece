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


def _gauss_offset(kind: Any) -> int | None:
    """Where a ``RandomState`` keeps the second normal deviate of a pair, found by planting one in a scratch object."""
    scratch, planted = kind(0), 0.123456789012345678
    name, key, position, _, _ = scratch.get_state(legacy=True)
    scratch.set_state((name, key, position, 1, planted))
    memory = ctypes.string_at(id(scratch), kind.__basicsize__)
    at = memory.find(struct.pack("<d", planted))
    flag = memory[at - 8 : at - 4] if at >= 8 else b""
    return at if flag == struct.pack("<i", 1) and memory.find(struct.pack("<d", planted), at + 1) < 0 else None


class _NumpyReader:
    """Reads the global MT19937 in 1 µs; ``get_state`` copies its words one by one, which takes 25.

    The words' address is public (``BitGenerator.ctypes.state_address``), the cached normal deviate's is not: it is
    looked for, and `_numpy_state` is used where it was not found or where the words are not what ``get_state`` says.
    """

    def __init__(self, mtrand: Any) -> None:
        self._mtrand = mtrand
        self._state = mtrand._rand
        self._fast = False
        if sys.byteorder != "little" or type(self._state._bit_generator).__name__ != "MT19937":
            return
        offset = _gauss_offset(type(self._state))
        if offset is None:
            return
        generator = self._state._bit_generator
        self._words = (ctypes.c_char * (4 * _WORDS)).from_address(generator.ctypes.state_address)
        self._cache = (ctypes.c_char * 16).from_address(id(self._state) + offset - 8)
        self._generator = generator
        key, rest = _numpy_state(mtrand)
        self._fast = self._words.raw[:2496] == key.tobytes() and self._rest() == rest

    def _rest(self) -> bytes:
        (position,) = struct.unpack_from("<i", self._words, 2496)
        has_gauss, cached = struct.unpack("<i4xd", self._cache)
        return struct.pack("<qqd", position, has_gauss, cached)

    def read(self) -> tuple[Any, bytes]:
        """What `_numpy_state` returns."""
        state = self._mtrand._rand
        if self._fast and state is self._state and state._bit_generator is self._generator:
            return memoryview(self._words)[:2496], self._rest()
        return _numpy_state(self._mtrand)


class GeneratorStates:
    """Digests of the global generators that exist: those whose modules have been imported."""

    def __init__(self) -> None:
        self._python: Callable[[], Any] | None = None
        self._numpy: _NumpyReader | None = None

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
            if self._numpy is None:
                self._numpy = _NumpyReader(mtrand)
            key, rest = self._numpy.read()
            names.append("numpy")
            digests.append(hasher.digest(hasher.prepare(rest), key))
        for name, state in extra:
            names.append(name)
            digests.append(hasher.digest(hasher.prepare(b"rng|"), state))
        return names, digests
