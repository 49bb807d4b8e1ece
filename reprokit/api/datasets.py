"""`reprokit.manifest`: a dataset's manifest, made in Python."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydantic

from reprokit.errors import UsageError
from reprokit.schema.dataset_config import DatasetConfig
from reprokit.verbs import manifest as making

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reprokit.schema.dataset import DatasetManifest

_Path = str | os.PathLike[str]


def manifest(
    path: _Path | Sequence[_Path] | None = None,
    *,
    dataset: str | None = None,
    query: str = "",
    database: str = "",
    name: str = "",
    output: _Path | None = None,
    **settings: Any,
) -> DatasetManifest:
    r"""Describes a dataset and writes its manifest, as ``reprokit manifest create`` does.

    Args:
        path: files, directories, globs, or one ``s3://`` or ``gs://`` URL.
        dataset: name of a ``[tool.reprokit.dataset.NAME]`` instead.
        query: SQL instead, with its ``database``.
        database: URL as SQLAlchemy takes it, or a SQLite file.
        name: of the dataset; that of its path by default.
        output: where the manifest goes; ``NAME.manifest.json`` by default.
        settings: anything else that ``[tool.reprokit.dataset.NAME]`` takes, such as ``splits={"parts": …}``, with
            underscores for hyphens.

    Returns:
        The manifest. Whether splits are disjoint and opt-out lists were applied stands in it.

    Raises:
        UsageError: RPK001, the arguments do not go together; RPK003, RPK151, RPK157 or RPK164.
        UnverifiedError: files could not be read or changed meanwhile; nothing was written.

    >>> import pathlib, reprokit
    >>> pathlib.Path("cats").mkdir()
    >>> _ = pathlib.Path("cats/names.csv").write_text("id,name\n1,Tom\n2,Kit\n")
    >>> found = reprokit.manifest("cats")
    >>> found.statistics.rows, [column.type for column in found.schema_fingerprint.tables[0].columns]
    (2, ['int64', 'string'])
    """
    start = Path.cwd()
    target = Path(os.fspath(output)).absolute() if output is not None else None
    if dataset is not None:
        if path is not None or query or settings:
            raise UsageError("RPK001", "dataset= says what is described; leave the other arguments out")
        config, base = making.configured(dataset, start)
        return making.create(config, name or dataset, base, target).manifest
    paths = [path] if isinstance(path, str | os.PathLike) else list(path or ())
    given = {key.replace("_", "-") if key == "opt_out" else key: value for key, value in settings.items()}
    try:
        config = DatasetConfig.model_validate(
            {"path": [os.fspath(one) for one in paths], "query": query, "database": database, **given}
        )
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise UsageError("RPK001", f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    named = name or (making.name_of(os.fspath(paths[0])) if paths else "query")
    return making.create(config, named, start, target).manifest
