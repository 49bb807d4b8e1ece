"""Pickle's opcodes, and what each does to the machine. `Lib/pickletools.py` describes them.

None imports or calls anything; the extension registry and out-of-band buffers, which need the outside, are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.compare.files.pickle_nodes import Pairs, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.compare.files.pickle_machine import Machine

OPCODES: dict[int, Callable[[Machine], None]] = {
    ord(code): act
    for code, act in {
        "\x80": lambda m: m._protocol_given(),
        "\x95": lambda m: m._frame(),
        "N": lambda m: m._push(None),
        "\x88": lambda m: m._stack.append(True),
        "\x89": lambda m: m._stack.append(False),
        "I": lambda m: m._push(m.input.decimal(boolean=True)),
        "L": lambda m: m._push(m.input.decimal()),
        "J": lambda m: m._push(m.input.fixed("<i")),
        "K": lambda m: m._push(m.input.byte()),
        "M": lambda m: m._push(m.input.fixed("<H")),
        "\x8a": lambda m: m._push(m.input.long(m.input.byte())),
        "\x8b": lambda m: m._push(m.input.long(m.input.fixed("<i"))),
        "F": lambda m: m._push(float(m.input.line())),
        "G": lambda m: m._push(m.input.fixed(">d")),
        "S": lambda m: m._push(m.input.quoted()),
        "T": lambda m: m._push(m.input.take(m.input.fixed("<i")).tobytes().decode("latin1")),
        "U": lambda m: m._push(m.input.take(m.input.byte()).tobytes().decode("latin1")),
        "V": lambda m: m._push(m.input.line().decode("raw-unicode-escape")),
        "X": lambda m: m._text(m.input.fixed("<I")),
        "\x8c": lambda m: m._text(m.input.byte()),
        "\x8d": lambda m: m._text(m.input.fixed("<Q")),
        "B": lambda m: m._bytes(m.input.fixed("<I")),
        "C": lambda m: m._bytes(m.input.byte()),
        "\x8e": lambda m: m._bytes(m.input.fixed("<Q")),
        "\x96": lambda m: m._bytes(m.input.fixed("<Q"), "bytearray"),
        "(": lambda m: m._mark(),
        "0": lambda m: m._pop(),
        "1": lambda m: m._pop_mark(),
        "2": lambda m: m._duplicate(),
        "g": lambda m: m._get(int(m.input.line())),
        "h": lambda m: m._get(m.input.byte()),
        "j": lambda m: m._get(m.input.fixed("<I")),
        "p": lambda m: m._put(int(m.input.line())),
        "q": lambda m: m._put(m.input.byte()),
        "r": lambda m: m._put(m.input.fixed("<I")),
        "\x94": lambda m: m._put(len(m._memo)),
        ")": lambda m: m._push(Sequence("tuple", [])),
        "\x85": lambda m: m._tuple(1),
        "\x86": lambda m: m._tuple(2),
        "\x87": lambda m: m._tuple(3),
        "t": lambda m: m._sequence("tuple"),
        "]": lambda m: m._push(Sequence("list", [])),
        "l": lambda m: m._sequence("list"),
        "a": lambda m: m._append(),
        "e": lambda m: m._extend_from_mark(),
        "\x8f": lambda m: m._push(Sequence("set", [])),
        "\x90": lambda m: m._extend_from_mark(),
        "\x91": lambda m: m._sequence("frozenset"),
        "}": lambda m: m._push(Pairs([])),
        "d": lambda m: m._dict(),
        "s": lambda m: m._set_item(),
        "u": lambda m: m._set_items(),
        "c": lambda m: m._global(),
        "\x93": lambda m: m._stack_global(),
        "R": lambda m: m._reduce(),
        "\x81": lambda m: m._new(),
        "\x92": lambda m: m._new_with_keywords(),
        "o": lambda m: m._old_object(),
        "i": lambda m: m._old_instance(),
        "b": lambda m: m._build(),
        "P": lambda m: m._refer(m.input.line_text()),
        "Q": lambda m: m._refer(m._stack.pop()),
        "\x82": lambda m: m._refuse(),
        "\x83": lambda m: m._refuse(),
        "\x84": lambda m: m._refuse(),
        "\x97": lambda m: m._refuse(),
        "\x98": lambda m: m._refuse(),
    }.items()
}
