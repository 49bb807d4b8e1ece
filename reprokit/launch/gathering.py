"""Puts together what was seen from inside and from outside: the inputs and outputs of a run."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.bundle.names import escape_name
from reprokit.capture.accesses import Places, below, may_be_input, may_be_output, member_name, role_of, source_of
from reprokit.capture.writers import open_for_writing
from reprokit.digest import sha256_file
from reprokit.launch.made_outside import MadeOutside
from reprokit.launch.standing import Standing
from reprokit.launch.texts import text_of
from reprokit.observe.origins import RUNS
from reprokit.schema.manifest import InputFile, Notice, OutputFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reprokit.capture.keeper import InputKeeper, Kept, Signature
    from reprokit.launch.lineage_listing import Listing
    from reprokit.launch.watching import Sightings
    from reprokit.observe.reading import FileRecord


@dataclass
class _Read:
    origin: str
    observers: set[str] = field(default_factory=set)
    signature: Signature | None = None
    snapshot: Path | None = None
    opened: bool = False
    ran: bool = False

    def may_be_data(self, path: str) -> bool:
        """Whether it looks like code and was not only run. From outside, to be opened and to be run look alike."""
        return role_of(path, self.origin) == "code" and (self.opened or not self.ran)


@dataclass
class Gathered:
    """Inputs and outputs with where their content lies now: archive name -> file."""

    inputs: list[InputFile] = field(default_factory=list)
    outputs: list[OutputFile] = field(default_factory=list)
    sources: dict[str, Path] = field(default_factory=dict)
    executable: set[str] = field(default_factory=set)
    directories: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)
    warnings: list[Notice] = field(default_factory=list)


class Gatherer:
    """Merges the observers' reports of one run.

    Args:
        run: the recording's directory.
        places: what is part of a run.
        sightings: what was seen from outside.
        records: what the processes' audit hooks saw.
        keeper: copies of inputs made while the run went on.
        embed_limit: size in bytes up to which inputs go into the bundle.
        listing: the project's dataset manifests: what they list is data, also where it looks like code.
    """

    def __init__(
        self,
        run: Path,
        places: Places,
        sightings: Sightings,
        records: list[FileRecord],
        keeper: InputKeeper,
        embed_limit: int,
        listing: Listing,
    ) -> None:
        self._run, self._places, self._sightings = run, places, sightings
        self._records, self._keeper, self._limit = records, keeper, embed_limit
        self._listing = listing
        self._reads: dict[str, _Read] = {}
        self._writes: dict[str, set[str]] = {}
        self._foreign = open_for_writing(frozenset(process.pid for process in sightings.processes))
        self._standing = Standing(places, sightings)
        self._outside = MadeOutside(places)
        self.result = Gathered()

    def gather(self, declared_inputs: Iterable[Path], declared_outputs: Iterable[Path], ignored: list[str]) -> Gathered:
        """Inputs and outputs, sorted by path.

        Args:
            declared_inputs: absolute paths of files that the user named.
            declared_outputs: the same for what the run wrote.
            ignored: globs of written files that are not results, relative to the root or absolute.
        """
        self._from_audit()
        self._from_outside()
        for declared in declared_inputs:
            self._read(str(declared), "user", "declared")
        for declared in declared_outputs:
            self._writes.setdefault(str(declared), set()).add("declared")
        kept = {path: one for path in sorted(self._reads) if (one := self._kept(path, self._reads[path])) is not None}
        maybe = {path for path in kept if self._reads[path].may_be_data(path)}
        listed = self._listing.look_up([(path, one.sha256, one.size) for path, one in kept.items()], maybe)
        for path, one in kept.items():
            self._input(path, self._reads[path], one, listed=path in listed)
        names = self._standing.names
        for path in sorted(names.keys() - self._reads.keys()):
            self._name_only(path, names[path])
        self.result.directories = self._standing.directories()
        self.result.inputs.sort(key=lambda entry: entry.path)
        for path in sorted(self._writes):
            self._output(path, self._writes[path], ignored)
        self.result.left = self._outside.left(self._writes.keys())
        return self.result

    def _read(self, path: str, origin: str, observer: str, signature: Signature | None = None) -> None:
        known = self._reads.setdefault(path, _Read(origin))
        known.observers.add(observer)
        known.ran |= origin in RUNS
        known.opened |= observer in ("audit", "declared") and origin not in RUNS
        known.signature = known.signature or signature
        if origin in ("user", "import") and known.origin == "call":
            known.origin = origin

    def _from_audit(self) -> None:
        started = self._sightings.started_ns
        for record in self._records:
            path = record.path
            if record.kind == "r":
                source = source_of(path)
                if not may_be_input(source, record.origin, self._places):
                    continue
                if source != path:
                    self._read(source, "import", "audit")
                elif record.signature[2] < started and not stat.S_ISDIR(record.signature[4]):
                    self._read(path, record.origin, "audit", record.signature)
            elif record.kind == "l":
                self._standing.listed(path)
            elif record.kind == "k":
                self._outside.made(path)
            elif record.kind in ("w", "m"):
                self._wrote(record)
            if record.snapshot and path in self._reads and self._reads[path].snapshot is None:
                self._reads[path].snapshot = self._run / "snapshots" / record.snapshot

    def _wrote(self, record: FileRecord) -> None:
        if self._is_result(record):
            self._writes.setdefault(record.path, set()).add("audit")
        else:
            self._outside.add(record)
        for file in self._outside.moved_files(record):
            if may_be_output(file, self._places):
                self._writes.setdefault(file, set()).add("audit")

    def _is_result(self, record: FileRecord) -> bool:
        """Also by its first name, where it got another: results are often written under a temporary one."""
        return may_be_output(record.path, self._places, "user" if record.other in self._writes else record.origin)

    def _from_outside(self) -> None:
        root, found = self._places.root, self._sightings
        before, after = found.before, found.after
        for path in map(str, found.seen.read):
            relative = os.path.relpath(path, root) if below(path, root) else None
            if path in self._reads:
                self._reads[path].observers.add("inotify")
                continue
            source = source_of(path)
            unchanged = relative is None or (relative in before and before.get(relative) == after.get(relative))
            if unchanged and may_be_input(source, "call", self._places) and self._is_old(source):
                self._read(source, "import" if source != path else "call", "inotify")
        for process in found.processes:
            for file in process.files:
                fresh = "w" not in file.mode and file.path not in self._reads and self._is_old(file.path)
                if fresh and may_be_input(file.path, "call", self._places):
                    self._read(file.path, "call", "process")
        for old, new, state in self._standing.renamed():
            if old not in self._reads:
                signature = (state.size, state.mtime_ns, state.ctime_ns, state.inode, state.mode)
                self._read(old, "call", "scan", signature)
                self._reads[old].snapshot = Path(new)
        self._standing.add_unopened()
        self._written_outside()

    def _written_outside(self) -> None:
        root, found = self._places.root, self._sightings
        changes = found.changes
        for relative in (*changes.created, *changes.modified, *(new for _, new in changes.renamed)):
            path = os.path.join(root, relative)
            if may_be_output(path, self._places):
                self._writes.setdefault(path, set()).add("scan")
        for path in map(str, found.seen.written):
            if may_be_output(path, self._places) and not self._is_old(path):
                self._writes.setdefault(path, set()).add("inotify")

    def _is_old(self, path: str) -> bool:
        try:
            return os.stat(path).st_ctime_ns < self._sightings.started_ns
        except OSError:
            return False

    def _kept(self, path: str, read: _Read) -> Kept | None:
        try:
            kept = self._keeper.kept(path, read.signature, read.snapshot)
        except OSError as error:
            self._warn("RPK047", f"{path} was read and cannot be kept: {error.strerror}")
            return None
        if kept is None:
            self._warn("RPK047", f"{path} was read, and was changed or deleted before it could be kept")
        elif kept.changed:
            self._warn("RPK040", f"{path} changed while the run went on")
        return kept

    def _input(self, path: str, read: _Read, kept: Kept, *, listed: bool) -> None:
        role = "data" if listed and read.opened and not read.ran else role_of(path, read.origin)
        shipped = any(below(path, prefix) for prefix in self._places.packages) and not below(path, self._places.root)
        member = None
        if (kept.size <= self._limit or role == "code") and not shipped:
            member = self._member(path, kept.source, role, executable=kept.executable)
        self.result.inputs.append(
            InputFile(
                path=text_of(path),
                sha256=kept.sha256,
                size=kept.size,
                role=role,  # type: ignore[arg-type]
                member=member,
                executable=kept.executable,
                seen_by=sorted(read.observers),
                changed=kept.changed,
                sha256_after=kept.sha256_after,
                writable=path in self._writes or Path(path) in self._sightings.seen.written,
                also_data=listed and role == "code",
            )
        )

    def _name_only(self, path: str, size: int) -> None:
        """A file whose name was listed: small ones are kept, of large ones only name and size."""
        kept = None
        if size <= self._limit and path not in self._standing.bare:
            try:
                kept = self._keeper.kept(path, None, None)
            except OSError:
                kept = None
        member = self._member(path, kept.source, "data", executable=kept.executable) if kept else None
        self.result.inputs.append(
            InputFile(
                path=text_of(path),
                sha256=kept.sha256 if kept else "",
                size=kept.size if kept else size,
                role="data",
                member=member,
                seen_by=["listing"],
                listed=True,
            )
        )

    def _member(self, path: str, source: Path, folder: str, *, executable: bool) -> str:
        name = member_name(path, self._places.root, folder)
        self.result.sources[name] = source
        if executable:
            self.result.executable.add(name)
        return escape_name(name)

    def _output(self, path: str, observers: set[str], ignored: list[str]) -> None:
        file = Path(path)
        if path.startswith("/proc/") or not file.is_file():
            return
        relative = os.path.relpath(path, self._places.root)
        if any(fnmatch(relative, glob) or fnmatch(path, glob) for glob in ignored):
            return
        if observers == {"audit"} and self._is_old(path):
            return  # opened for writing, and left as it was
        try:
            status = file.stat()
            if not observers & {"audit", "declared"} and (status.st_dev, status.st_ino) in self._foreign:
                return  # our own redirected output, or a log that somebody else keeps
            size, digest = status.st_size, sha256_file(path)
        except OSError as error:
            self._warn("RPK047", f"the output {path} cannot be read: {error.strerror}")
            return
        self.result.outputs.append(
            OutputFile(
                path=text_of(path),
                sha256=digest,
                size=size,
                member=self._member(path, file, "outputs", executable=os.access(path, os.X_OK)),
                seen_by=sorted(observers),
                declared="declared" in observers,
            )
        )

    def _warn(self, code: str, message: str) -> None:
        self.result.warnings.append(Notice(code=code, message=text_of(message)))
