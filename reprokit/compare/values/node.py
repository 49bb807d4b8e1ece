"""What a reader of values answers: a leaf, or a structure with named children."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reprokit.compare.files.content import Leaf, key_part, scalar_of
from reprokit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS = (bool, int, float, complex, str, bytes, type(None))


@dataclass(frozen=True)
class Branch:
    """A container or an object.

    Attributes:
        text: its kind, class and length, as it is compared.
        children: the part of the path for each child, unique, and the child: a value, a leaf or another branch.
    """

    text: str
    children: list[tuple[str, Any]]


@dataclass(frozen=True)
class Same:
    """A value that stands for another: a list for a tuple of a library's own class."""

    value: Any


Node = Leaf | Branch | Same


class UnknownValueError(UsageError):
    """RPK070 or RPK071: a value that has no comparable content, or whose content cannot be read."""


def unreadable(what: str, why: str, hint: str = "") -> UnknownValueError:
    """RPK071 for a value of a known kind."""
    return UnknownValueError("RPK071", f"{what} cannot be compared: {why}", hint)


def mapping_branch(kind: str, value: Mapping[Any, Any]) -> Branch:
    """A mapping's children by key; their order is no content."""
    return Branch(f"{kind} of {len(value)}", [(key_of(key), item) for key, item in value.items()])


def key_of(key: object) -> str:
    """The part of a path for a key of a mapping: keys that differ in type or value give different parts.

    Raises:
        UnknownValueError: RPK070, the key has no text that stands for its value.
    """
    if type(key) is str:
        return key_part(key)
    if type(key) is int:
        return str(key)
    if type(key) in _KEYS:
        scalar = scalar_of(key)
        return f"<{scalar.type}>{key_part(scalar.text)}"
    if isinstance(key, tuple):
        return f"<tuple>{key_part(','.join(key_of(part) for part in key))}"
    if hasattr(key, "name") and hasattr(type(key), "__members__"):
        return f"<{type(key).__qualname__}>{key_part(str(key.name))}"
    if type(key).__module__ == "numpy" and hasattr(key, "item"):
        return f"<{type(key).__name__}>{key_part(str(key.item()))}"
    raise UnknownValueError(
        "RPK070", f"a mapping has a key of type {type(key).__qualname__}, whose value has no text of its own"
    )
