"""YAML that may come from anyone: no objects, no unbounded references, no endless nesting."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reprokit.errors import CorruptBundleError, UsageError
from reprokit.lineage.standards.naming import missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DEEPEST = 100
_MOST_BYTES = 64 * 2**20
_PLAIN_WORDS = (
    (r"(?:true|True|TRUE|false|False|FALSE)\Z", "tTfF"),
    (r"[-+]?(?:0|[1-9][0-9]*)\Z|0x[0-9a-fA-F]+\Z", "-+0123456789"),
    (
        r"[-+]?(?:(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z",
        "-+.0123456789",
    ),
)
"""Truth values, whole numbers and others, with the characters that they begin with."""
_MOST_NODES = 2_000_000  # a lock file of 100,000 stages has about as many


def load(path: Path) -> Any:
    """The document in a file, made of plain values.

    References are counted as if each were written out, before anything is made of them: nine lines of them can stand
    for more than any memory holds (https://en.wikipedia.org/wiki/Billion_laughs_attack).

    Raises:
        UsageError: RPK184, the file cannot be read.
        UnverifiedError: RPK168, there is no YAML reader.
        CorruptBundleError: RPK181, it is no YAML; RPK183, it is larger than the limits.
    """
    try:
        import yaml
    except ImportError as error:
        raise missing("reading DVC's files", "dvc", error) from None
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError("RPK184", f"{path} cannot be read: {error.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise CorruptBundleError("RPK183", f"{path} is larger than {_MOST_BYTES >> 20} MiB")
    kind = _of_yaml_1_2(getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    loader = kind(data)
    try:
        if _depth(yaml.parse(data, kind)) > _DEEPEST:
            raise CorruptBundleError("RPK183", f"{path} is nested more than {_DEEPEST} deep")
        root = loader.get_single_node()
        if root is None:
            return None
        if _size(root) > _MOST_NODES:
            raise CorruptBundleError("RPK183", f"{path} has more than {_MOST_NODES} values, references written out")
        return loader.construct_document(root)
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
        said = " ".join(str(error).split())[:200]
        raise CorruptBundleError("RPK181", f"{path} is no YAML that can be read: {said}") from None
    finally:
        loader.dispose()


def _of_yaml_1_2(base: Any) -> Any:
    """A reader that takes plain words for what DVC means by them, which writes YAML 1.2.

    In YAML 1.1, which PyYAML reads, ``1e-05`` is a text, ``off`` is false and ``1:30`` is ninety.
    Source: https://yaml.org/spec/1.2.2/#1032-tag-resolution
    """

    class Loader(base):  # type: ignore[misc]
        """Has resolvers of its own."""

    tags = [f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float")]
    Loader.yaml_implicit_resolvers = {
        first: [one for one in several if one[0] not in tags] for first, several in base.yaml_implicit_resolvers.items()
    }
    for tag, (pattern, first) in zip(tags, _PLAIN_WORDS, strict=True):
        Loader.add_implicit_resolver(tag, re.compile(pattern), list(first))
    return Loader


def _depth(events: Iterator[Any]) -> int:
    """How deep a document is nested, up to the limit: a deeper one would overflow the stack of the C library."""
    depth = deepest = 0
    for event in events:
        name = type(event).__name__
        depth += name.endswith(("SequenceStartEvent", "MappingStartEvent"))
        depth -= name.endswith(("SequenceEndEvent", "MappingEndEvent"))
        deepest = max(deepest, depth)
        if deepest > _DEEPEST:
            break
    return deepest


def _size(root: Any) -> int:
    """How many values a document has when each reference is written out; too many for one that holds itself."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()
    waiting = [(root, False)]
    while waiting:
        node, visited = waiting.pop()
        key = id(node)
        if visited:
            open_nodes.discard(key)
            sizes[key] = min(_MOST_NODES + 1, 1 + sum(sizes[id(child)] for child in _children(node)))
        elif key in open_nodes:
            return _MOST_NODES + 1
        elif key not in sizes:
            open_nodes.add(key)
            waiting.append((node, True))
            waiting += [(child, False) for child in _children(node)]
    return sizes[id(root)]


def _children(node: Any) -> list[Any]:
    if isinstance(node.value, str):
        return []
    return [part for child in node.value for part in (child if isinstance(child, tuple) else (child,))]
