"""What DVC's files say, as data: the stages of a lock file, and the outputs of a ``.dvc`` file."""

from __future__ import annotations

from fnmatch import fnmatchcase
from re import sub
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from reprokit.errors import CorruptBundleError
from reprokit.lineage.standards.dvc.yaml_text import load

if TYPE_CHECKING:
    from pathlib import Path

_ModelT = TypeVar("_ModelT", bound=BaseModel)
_HEX = r"^[0-9a-f]{32}(\.dir)?$"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class File(_Part):
    """One file of a directory that is pushed to a remote with versions of its own."""

    relpath: str = Field(min_length=1)
    md5: str | None = Field(default=None, pattern=_HEX)
    size: int | None = Field(default=None, ge=0, lt=2**63)
    etag: str | None = None


class Data(_Part):
    """A dependency or an output. ``size`` in bytes; ``hash`` is absent in what DVC 2 wrote, whose MD5 is another.

    ``files`` stay out of what is dumped, so that a stage without any keeps the identifier that it has.
    """

    path: str = Field(min_length=1)
    md5: str | None = Field(default=None, pattern=_HEX)
    hash: str | None = None
    size: int | None = Field(default=None, ge=0, lt=2**63)
    nfiles: int | None = Field(default=None, ge=0, lt=2**63)
    etag: str | None = None
    checksum: str | None = None
    files: list[File] = Field(default=[], exclude=True)

    @property
    def digest(self) -> str | None:
        """The content's name, with its kind; None where the lock has none."""
        if self.md5 is not None:
            return f"md5:{self.md5}" if self.hash == "md5" else f"md5-dos2unix:{self.md5}"
        other = self.etag or self.checksum
        return f"etag:{other}" if other else None

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory whose list of files is in the cache."""
        return self.md5 is not None and self.md5.endswith(".dir")


class Stage(_Part):
    """A stage as it ran last."""

    cmd: str | list[str]
    deps: list[Data] = []
    outs: list[Data] = []
    params: dict[str, dict[str, Any]] = {}

    @property
    def listed(self) -> list[dict[str, Any]]:
        """The files of its directories that have no digest of their own."""
        return [one.model_dump() for data in (*self.deps, *self.outs) for one in data.files]

    @property
    def command(self) -> str:
        """Its commands, one a line."""
        return self.cmd if isinstance(self.cmd, str) else "\n".join(self.cmd)


class Lock(_Part):
    """``dvc.lock``."""

    version: Literal["2.0"] = Field(alias="schema")
    stages: dict[str, Stage] = {}


class Tracked(_Part):
    """A ``.dvc`` file."""

    outs: list[Data] = []
    deps: list[Data] = []


def lock_in(path: Path) -> Lock:
    """Reads a lock file.

    Raises:
        CorruptBundleError: RPK181, it is none; RPK182, it has another version; RPK183, it is too large.
        UsageError: RPK184, it cannot be read.
    """
    raw = load(path)
    version = raw.get("schema") if isinstance(raw, dict) else None
    if isinstance(raw, dict) and version != "2.0":
        raise CorruptBundleError("RPK182", f"{path}: the lock file's schema is {version!r}, and '2.0' is known here")
    return _parsed(Lock, raw, path)


def tracked_in(path: Path) -> Tracked:
    """Reads a ``.dvc`` file; raises as `lock_in` does."""
    return _parsed(Tracked, load(path), path)


def metric_patterns(path: Path) -> dict[str, list[str]]:
    """Paths of metrics by stage, from ``dvc.yaml``; what a template fills in stands as ``*``.

    Raises:
        CorruptBundleError, UsageError: as `lock_in`.
    """
    raw = load(path) if path.is_file() else None
    stages = raw.get("stages") if isinstance(raw, dict) else None
    if raw is not None and not isinstance(stages, dict | None):
        raise CorruptBundleError("RPK181", f"{path}: `stages` is no table")
    found: dict[str, list[str]] = {}
    for name, stage in (stages or {}).items():
        body = stage.get("do", stage) if isinstance(stage, dict) else {}
        metrics = body.get("metrics") if isinstance(body, dict) else None
        entries = metrics if isinstance(metrics, list) else []
        paths = [next(iter(entry), "") if isinstance(entry, dict) else entry for entry in entries]
        found[str(name)] = [sub(r"\$\{[^}]*\}", "*", path) for path in paths if isinstance(path, str)]
    return found


def is_metric(path: str, stage: str, patterns: dict[str, list[str]]) -> bool:
    """Whether an output of a locked stage is one of its metrics."""
    return any(fnmatchcase(path, pattern) for pattern in patterns.get(stage.partition("@")[0], ()))


def _parsed(model: type[_ModelT], raw: Any, path: Path) -> _ModelT:
    try:
        return model.model_validate(raw)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise CorruptBundleError("RPK181", f"{path} is broken at {place or 'its top'}: {first['msg']}") from None
