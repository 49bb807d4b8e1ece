"""Libraries that open files in native code, where Python raises no audit event: their entry points are told apart here.

The parent process sees such files where it watches (inotify, scans). A path outside the watched trees, above all one
that is hard-coded in a script, is seen only here; and only here can a replay be kept from writing to it.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing costs 8 ms at start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from reprokit.observe.start import Session

# module -> (attribute, position and name of the path, mode or the position and name of the mode)
OPENERS: dict[str, tuple[tuple[str, int, str, str], ...]] = {
    "torch": (
        ("save", 1, "f", "w"), ("jit.save", 1, "f", "w"), ("jit.load", 0, "f", "r"), ("from_file", 0, "filename", "r"),
    ),
    "safetensors.torch": (
        ("save_file", 1, "filename", "w"), ("load_file", 0, "filename", "r"),
    ),
    "safetensors.numpy": (
        ("save_file", 1, "filename", "w"), ("load_file", 0, "filename", "r"),
    ),
    "pyarrow.parquet": (("write_table", 1, "where", "w"), ("read_table", 0, "source", "r")),
    "pyarrow.feather": (("write_feather", 1, "dest", "w"), ("read_table", 0, "source", "r")),
}  # fmt: skip


def _told(original: Any, position: int, name: str, mode: str, tell: Callable[[Any, str], None]) -> Any:
    import functools

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        path = kwargs.get(name, args[position] if len(args) > position else None)
        tell(path, mode)
        return original(*args, **kwargs)

    return call


def _wrap(module: Any, attribute: str, position: int, name: str, mode: str, tell: Callable[[Any, str], None]) -> None:
    *path, last = attribute.split(".")
    owner = module
    for part in path:
        owner = getattr(owner, part)
    original = getattr(owner, last, None)
    if original is None or isinstance(original, type):
        return  # absent in this version, or a class: replacing a class would break isinstance()
    setattr(owner, last, _told(original, position, name, mode, tell))


def _wrap_hdf5(module: Any, tell: Callable[[Any, str], None]) -> None:
    """``h5py.File`` is a class: its constructor is told apart instead."""
    import functools

    original = module.File.__init__

    @functools.wraps(original)
    def __init__(  # noqa: N807
        self: Any, name: Any, mode: Any = "r", *args: Any, **kwargs: Any
    ) -> None:
        tell(name, "w" if mode in ("w", "w-", "x") else "a" if mode in ("a", "r+") else "r")
        original(self, name, mode, *args, **kwargs)

    module.File.__init__ = __init__


def arm(session: Session, tell: Callable[[Any, str], None]) -> None:
    """Waits for the imports of these libraries.

    Args:
        session: the observers of this process.
        tell: is given path and mode before each access (`FileObserver.native`).
    """

    def wrapper(openers: tuple[tuple[str, int, str, str], ...]) -> Callable[[Any], None]:
        def wrap(module: Any) -> None:
            for attribute, position, name, mode in openers:
                _wrap(module, attribute, position, name, mode, tell)

        return wrap

    for module, openers in OPENERS.items():
        session.imports.add(module, wrapper(openers))
    session.imports.add("h5py", lambda module: _wrap_hdf5(module, tell))
