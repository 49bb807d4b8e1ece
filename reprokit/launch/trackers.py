"""Keeps a replay apart from the tracking server that the recorded run spoke to.

A bundle keeps no address of a server, and a replay must not add runs to one. Without an address MLflow would make a
database in the working directory, which the recorded run did not write. A database that the run itself wrote, under
whatever name, is a result like any other: the replay writes its own in that place.
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

from reprokit.launch.texts import raw_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reprokit.launch.isolation import Layout
    from reprokit.schema.manifest import Manifest

_OWN_STORE, _OWN_FILES = re.compile(r"/mlflow\.db$"), re.compile(r"/mlruns/")
_MAGIC = b"SQLite format 3\0"
_STEPS = 1_000_000  # of SQLite's machine that a look may take: the bundle may come from anyone


def tracking_apart(manifest: Manifest, outputs: Mapping[str, Path], layout: Layout) -> dict[str, str]:
    """Variables with which MLflow keeps what a replay logs in the replay's own room.

    Nothing where the recorded run had its store among its outputs under MLflow's own names: there it looks by itself.

    Args:
        manifest: of the bundle.
        outputs: those of the recorded run that are in the bundle, by the path in the project, or outside of it by the
            absolute path.
        layout: where the replay's files are.

    Source: https://mlflow.org/docs/latest/self-hosting/migrate-from-file-store, ``MLFLOW_ALLOW_FILE_STORE``.
    """
    written = [raw_of(output.path) for output in manifest.outputs]
    if any(map(_OWN_STORE.search, written)):
        return {}
    stores = [path for path, file in outputs.items() if not set("?#%") & set(path) and _is_store(file)]
    if len(stores) == 1:  # it was named by an address, which is in no bundle
        place = layout.place(os.path.join(layout.root, stores[0]))
        place.parent.mkdir(parents=True, exist_ok=True)
        return {"MLFLOW_TRACKING_URI": f"sqlite:///{place}"}
    if any(map(_OWN_FILES.search, written)):  # of the older store of files; artifacts lie there with any store
        return {}
    return {"MLFLOW_TRACKING_URI": (layout.scratch / "mlruns").as_uri(), "MLFLOW_ALLOW_FILE_STORE": "true"}


def _is_store(file: Path) -> bool:
    """Whether a file is a database in which MLflow keeps runs."""
    from reprokit.compare.files.mlflow_database import TABLES

    with file.open("rb") as opened:
        if opened.read(len(_MAGIC)) != _MAGIC:
            return False
    try:
        with closing(sqlite3.connect(f"file:{quote(os.fsencode(file))}?mode=ro&immutable=1", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.set_progress_handler(lambda: 1, _STEPS)
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.Error:
        return False
    return {name for (name,) in names} >= TABLES
