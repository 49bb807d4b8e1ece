"""Order: where a sequence loses it, what passes it on, and what does not mind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprokit.lint.values import FIXED_HASH, UNKNOWN, Origin, Value

if TYPE_CHECKING:
    import ast

INDIFFERENT = {
    "sorted", "len", "sum", "min", "max", "any", "all", "set", "frozenset", "bool", "isinstance", "print", "type",
    "str", "repr", "id", "hasattr", "callable", "issubclass", "vars", "dir", "format",
}  # fmt: skip
"""Builtins whose result does not depend on the order of what they are given."""
ORDERED = {"list", "tuple", "enumerate", "iter", "zip", "map", "filter", "next", "reversed"}
"""Builtins that take their arguments' elements in order."""
CONTAINERS = {"numpy.array", "numpy.asarray", "torch.tensor", "torch.as_tensor", "collections.deque", "pandas.Series",
              "pandas.Index", "numpy.fromiter", "itertools.chain", "itertools.chain.from_iterable", "itertools.islice",
              "dict.fromkeys", "numpy.concatenate", "itertools.cycle", "itertools.product", "itertools.count",
              "tqdm.tqdm", "tqdm.auto.tqdm", "tqdm.notebook.tqdm", "rich.progress.track", "itertools.permutations",
              "itertools.combinations", "tqdm.trange", "collections.OrderedDict", "itertools.groupby",
              "tqdm"}  # fmt: skip
"""Imported callables that pass the order of their first argument on."""
LISTINGS = {
    "os.listdir": "os.listdir()", "os.scandir": "os.scandir()", "glob.glob": "glob.glob()",
    "glob.iglob": "glob.iglob()",
    "os.walk": "os.walk()", "os.fwalk": "os.fwalk()", "tensorflow.io.gfile.listdir": "tf.io.gfile.listdir()",
    "tensorflow.io.gfile.walk": "tf.io.gfile.walk()", "glob.glob0": "glob.glob0()", "glob.glob1": "glob.glob1()",
}  # fmt: skip
"""Functions that list a directory in the order in which the file system holds it."""
LISTING_METHODS = {"iterdir", "rglob"}
HARMLESS = {
    "add", "discard", "remove", "update", "setdefault", "pop", "clear", "difference_update", "intersection_update",
    "debug", "info", "warning", "warn", "error", "exception", "log", "critical", "close", "unlink", "mkdir", "rmdir",
    "makedirs", "rmtree", "chmod", "touch", "copy", "copy2", "copyfile", "copytree", "move", "rename", "symlink",
    "symlink_to", "replace", "cancel", "join", "kill", "terminate", "wait", "print", "removedirs", "hardlink_to",
    "start", "set", "delete", "shutdown", "release", "acquire", "delattr", "setattr", "fail", "skip", "sort", "chown",
    "exit", "cache_clear", "unlink_missing", "utime", "flush",
}  # fmt: skip
"""Calls whose effects come out the same in whatever order they are made."""
HARMLESS_STARTS = ("assert", "check", "validate", "verify", "log", "warn", "remove", "delete", "raise", "ensure",
    "print",
                   "_assert", "_check", "_validate", "unregister", "test_")  # fmt: skip
_REWRITES = {"encode", "decode", "lower", "upper", "casefold", "title", "capitalize", "swapcase", "strip", "lstrip",
             "rstrip", "replace", "translate", "expandtabs", "removeprefix", "removesuffix"}  # fmt: skip
_CUTS = {"split", "rsplit", "splitlines"}
GROWS = {"append", "extend", "insert", "appendleft", "extendleft"}


def consume(value: Value, node: ast.AST) -> Value:
    """What one gets by taking a value's elements one after the other.

    Args:
        value: what is iterated over.
        node: where this happens; a set loses its order here.
    """
    kind = value.kind
    if kind == "set" and value.single:
        return Value("list", item=value.item)
    if kind == "set":
        if value.item is not None and value.item.kind in FIXED_HASH:
            return Value("list", item=value.item)
        what = (
            "the order of a set of strings"
            if value.item is not None and value.item.kind == "str"
            else "the order of a set"
        )
        return Value("list", origin=Origin("RPL010", node, what), item=value.item)
    if kind == "parameter" and value.detail is not None:
        function, name = value.detail
        return Value("list", origin=Origin("RPL010", node, "", (function, name)))
    if value.origin is not None:
        return Value("list", origin=value.origin, item=value.item, name=value.name)
    if kind == "instance" and value.name == "torch.utils.data.DataLoader":
        return Value("list", item=Value("batch"))
    if kind == "tensor":
        return Value("list", item=Value("tensor"))
    if kind == "keys":
        return Value("list", item=Value("key"))
    if kind == "tuple":
        return Value("list", item=value.parts[0] if value.parts else UNKNOWN)
    return Value("list", item=value.item) if value.item is not None else Value("list")


def rewritten(text: Value, method: str) -> Value | None:
    """What a method of a text, or of bytes, passes on of its order; None for methods that pass on nothing."""
    if method in _CUTS:
        return Value("list", origin=text.origin, item=Value("str"))
    return Value("str", origin=text.origin) if method in _REWRITES else None


def listing(name: str, node: ast.AST) -> Value:
    """The value of a call that lists a directory."""
    origin = Origin("RPL011", node, f"the order of {LISTINGS.get(name, name)}")
    if name.endswith("walk"):
        text, found = Value("str"), Value("list", origin=origin, item=Value("str"))
        return Value("list", name="os.walk", origin=origin, item=Value("tuple", parts=[text, found, found]))
    item = Value("str") if name in {"os.listdir", "glob.glob", "glob.iglob"} else Value("instance", "pathlib.Path")
    return Value("list", origin=origin, item=item)


def sorting(name: str) -> bool:
    """Whether a callable of this name puts things in order, whatever library it is from."""
    last = name.rpartition(".")[2].lower()
    return "sort" in last or last in {"unique", "nlargest", "nsmallest"}
