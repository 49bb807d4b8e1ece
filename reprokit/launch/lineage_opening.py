"""Opens the store of this project's graph, after all that waited for it has been added."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.errors import UnverifiedError, UsageError
from reprokit.launch.lineage_places import pending_directory, store_place
from reprokit.launch.texts import text_of
from reprokit.lineage.spool import drain, waiting
from reprokit.schema.config import load_config
from reprokit.schema.manifest import Notice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reprokit.lineage.store import Store


@dataclass
class OpenedGraph:
    """A store that is open.

    Attributes:
        store: it.
        place: path or URL of it, which may hold a password: `Store.place` does not.
        added: how many parts had waited, and were added.
        warnings: parts that could not be added.
    """

    store: Store
    place: str
    added: int = 0
    warnings: list[Notice] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        """How many parts still wait, those for other stores among them."""
        own = pending_directory(self.place)
        top = own if own.name == "pending" else own.parent
        others: list[Path] = []
        with contextlib.suppress(OSError):  # there is none
            others = [path for path in top.iterdir() if path.is_dir()]
        return sum(len(waiting(directory)) for directory in {own, top, *others})


@contextlib.contextmanager
def opened_graph(start: Path | None = None, *, wait: float = 10.0) -> Iterator[OpenedGraph]:
    """The graph of the project around a directory.

    Args:
        start: the directory; the working directory by default.
        wait: seconds to wait for a store that another process has locked.

    Raises:
        UnverifiedError: RPK140, the extra `lineage` is missing; RPK141, the store cannot be had.
        UsageError: RPK004, bad settings; RPK142, RPK143, not a store that this version can use.
    """
    try:
        from reprokit.lineage.store import Store
    except ImportError as error:
        raise UnverifiedError("RPK140", f"the lineage graph cannot be read: {error}") from None
    where = start or Path.cwd()
    place, pending = _places(where)
    with Store(place, wait=wait) as store:
        opened = OpenedGraph(store, place)
        drained = drain(pending, store.add)
        opened.added = drained.added
        opened.warnings = [
            Notice(code="RPK191", message=text_of(f"{path}: {reason}")) for path, reason in drained.refused
        ]  # fmt: skip
        yield opened


def _places(start: Path) -> tuple[str, Path]:
    """The store, and where its parts wait."""
    config = load_config(start)
    try:
        place = store_place(config, start)
        return place, pending_directory(place)
    except RuntimeError as error:  # a user whom the machine does not know, and no HOME
        text = f"the lineage graph has no place: {error} Set REPROKIT_HOME to a directory."
        raise UsageError("RPK143", text) from None
