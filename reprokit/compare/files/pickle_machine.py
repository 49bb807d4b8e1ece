"""Reads a pickle without running it: every opcode builds inert nodes, and none imports, calls or hashes anything.

The standard unpickler can be subclassed to the same end, but hashes dictionary keys and allocates lengths before they
are known to be there; both have been used to hang or to exhaust a reader. Here dictionaries are lists of pairs, bytes
are slices of the mapped file, the memo is a dictionary (an index of 2**28 costs one entry), and opcodes and stack are
capped. Opcodes: `Lib/pickletools.py` describes each.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from reprokit.compare.files.pickle_input import Input
from reprokit.compare.files.pickle_nodes import (
    Blob,
    Global,
    Object,
    Pairs,
    Reference,
    Sequence,
    named,
    reduced,
    with_keywords,
)
from reprokit.compare.files.pickle_opcodes import OPCODES
from reprokit.compare.files.unreadable import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprokit.compare.files.source import Bytes

_MAX_OPCODES = 10_000_000
_MAX_STACK = 1_000_000


class Machine:
    """Interprets one pickle.

    Args:
        data: mapped bytes, the pickle somewhere inside.
        start: where it begins.
        after_build: called with each object that got a state; may take bytes from the input and return another node
            (joblib writes an array's elements right behind the object that announces it).

    Attributes:
        input: the bytes and the place reached in them.
        dropped: what the pickle pushed and then took away. Such calls may change an object that stays (``state_setter``
            of `object.__reduce__`), so they are content too.
        references: the persistent ids.
        opcodes: how many were read.
    """

    def __init__(
        self, data: Bytes, start: int = 0, after_build: Callable[[Machine, Object], Any] | None = None
    ) -> None:
        self.input = Input(data, start)
        self.dropped: list[Any] = []
        self.references: list[Reference] = []
        self.opcodes = 0
        self._after_build = after_build
        self._protocol = 0
        self._spelt = 0
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def load(self) -> Any:
        """Interprets up to the STOP opcode; `input.at` is then the place behind it.

        Returns:
            The node of the pickled object.

        Raises:
            UnreadableError: it is not a pickle, is damaged, uses the extension registry or out-of-band buffers, or
                passes a limit.
        """
        try:
            while (code := self.input.byte()) != 0x2E:  # STOP
                self.opcodes += 1
                if self.opcodes > _MAX_OPCODES or len(self._stack) > _MAX_STACK or len(self._marks) > _MAX_STACK:
                    raise UnreadableError("its pickle is too large to be read as content")
                OPCODES[code](self)
            result = self._stack.pop()
        except (IndexError, KeyError, ValueError, TypeError, AttributeError, struct.error) as error:
            raise UnreadableError(f"its pickle is damaged at byte {self.input.at}") from error
        for left in (*self._marks, self._stack):
            self.dropped += left
        return result

    # constants

    def _protocol_given(self) -> None:
        self._protocol = self.input.byte()
        if self._protocol > 5:
            raise UnreadableError(f"its pickle protocol {self._protocol} is unknown")

    def _frame(self) -> None:
        self.input.fixed("<Q")  # framing is advice for readers of streams; the bytes are all here

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _bytes(self, size: int, kind: str = "bytes") -> None:
        self._push(Blob(kind, self.input.take(size)))

    def _text(self, size: int) -> None:
        self._push(self.input.text(size))

    # stack and memo

    def _mark(self) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _to_mark(self) -> list[Any]:
        items = self._stack
        self._stack = self._marks.pop()
        return items

    def _pop(self) -> None:
        if self._stack:
            self.dropped.append(self._stack.pop())
        else:
            self._pop_mark()

    def _pop_mark(self) -> None:
        self.dropped += self._to_mark()

    def _duplicate(self) -> None:
        self._push(self._stack[-1])

    def _get(self, index: int) -> None:
        self._push(self._memo[index])

    def _put(self, index: int) -> None:
        if index < 0:
            raise UnreadableError("its pickle has a negative memo index")
        self._memo[index] = self._stack[-1]

    # containers

    def _tuple(self, count: int) -> None:
        items = self._stack[-count:]
        if len(items) != count:
            raise IndexError("too few items")
        self._stack[-count:] = [Sequence("tuple", items)]

    def _sequence(self, kind: str) -> None:
        items = self._to_mark()
        self._push(Sequence(kind, items))

    def _dict(self) -> None:
        items = self._to_mark()
        self._push(Pairs(_paired(items)))

    def _extend(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, Sequence | Object):
            raise TypeError("not a list")
        target.items += items

    def _append(self) -> None:
        self._extend([self._stack.pop()])

    def _extend_from_mark(self) -> None:
        self._extend(self._to_mark())

    def _update(self, items: list[tuple[Any, Any]]) -> None:
        target = self._stack[-1]
        if isinstance(target, Pairs):
            target.items += items
        elif isinstance(target, Object):
            target.pairs += items
        else:
            raise TypeError("not a dict")

    def _set_item(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._update([(key, value)])

    def _set_items(self) -> None:
        self._update(_paired(self._to_mark()))

    # classes and calls, none of which happens

    def _global(self) -> None:
        module = self.input.line_text()
        self._push(named(module, self.input.line_text(), self._protocol))

    def _stack_global(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise TypeError("not names")
        self._push(named(module, name, self._protocol))

    def _reduce(self) -> None:
        args, function = self._stack.pop(), self._stack.pop()
        node = reduced(function, args)
        if isinstance(node, Blob):
            # Older protocols spell bytes as text; the same text may be spelt out again and again.
            self._spelt += int(node.data.size)
            if self._spelt > 4 * self.input.data.size + (1 << 20):
                raise UnreadableError("its pickle stands for far more bytes than it holds")
        self._push(node)

    def _new(self) -> None:
        args, cls = self._stack.pop(), self._stack.pop()
        self._push(Object(cls, args))

    def _new_with_keywords(self) -> None:
        kwargs, args, cls = self._stack.pop(), self._stack.pop(), self._stack.pop()
        self._push(with_keywords(cls, args, kwargs))

    def _old_object(self) -> None:
        cls, *args = self._to_mark()
        self._push(Object(cls, Sequence("tuple", args)))

    def _old_instance(self) -> None:
        module = self.input.line_text()
        cls = named(module, self.input.line_text(), self._protocol)
        self._push(Object(cls, Sequence("tuple", self._to_mark())))

    def _build(self) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if not isinstance(target, Object):
            if isinstance(target, Global):
                self._stack[-1] = target = Object(target, None)
            else:
                raise TypeError("not an object")
        target.states.append(state)
        if self._after_build and (other := self._after_build(self, target)) is not None:
            self._stack[-1] = other

    def _refer(self, pid: Any) -> None:
        if isinstance(pid, Sequence) and len(pid.items) > 1 and pid.items[0] == "module":
            # PyTorch's older format wraps a module's class together with its source text.
            self._push(pid.items[1])
            return
        self.references.append(Reference(pid))
        self._push(self.references[-1])

    def _refuse(self) -> None:
        raise UnreadableError("its pickle uses the extension registry or out-of-band buffers")


def _paired(items: list[Any]) -> list[tuple[Any, Any]]:
    if len(items) % 2:
        raise IndexError("a key without a value")
    return list(zip(items[::2], items[1::2], strict=True))
