"""Which files Python code opens: an audit hook.

It sees ``open`` and ``os.open`` with the path as the script spelled it, imports, and the calls that replace, truncate
or delete a file. Native code opens files without such an event; the parent process covers those (inotify, scans).

A file that the script read and is about to overwrite or delete is copied first, so that the bundle holds the input as
it was when the run started.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident

from reprokit.observe.origins import RUNS, origin_of
from reprokit.observe.sink import Sink
from reprokit.observe.starts import shut_out
from reprokit.trace.records import encode_record

TYPE_CHECKING = False  # typing costs 8 ms at start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR
_SNAPSHOT_LIMIT = 256 << 20
_REMEMBERED = 200_000
_DESTRUCTIVE = {"os.remove", "os.rename", "os.truncate", "os.link", "os.symlink"}
_STARTS = {"os.exec", "os.posix_spawn", "os.system", "subprocess.Popen"}
_LISTING = {"os.listdir", "os.scandir"}
_MEMORY = "/dev/shm/"  # noqa: S108 - files that a script keeps there are files, and no devices
_IMPORTED = "i"  # the mark of what was so far only run


def _intent(mode: Any, flags: Any) -> tuple[bool, bool]:
    """Whether an ``open`` writes, and whether it keeps what the file held before (appending, updating in place)."""
    if isinstance(mode, str):
        writes = mode[:1] != "r" or "+" in mode
        return writes, writes and mode[:1] in ("a", "r")
    if not isinstance(flags, int) or not flags & _WRITE_FLAGS:
        return False, False
    return True, not flags & (os.O_TRUNC | os.O_EXCL)


class FileObserver:
    """Writes one record per file and kind of access: ``kind, origin, spelled, absolute path, size, mtime_ns, …``."""

    def __init__(
        self,
        directory: str,
        root: str,
        ignored: tuple[str, ...],
        snapshots: str,
        guard: Callable[[str], bool] | None,
        failed: Callable[[str, BaseException], None],
        unobserved: Callable[[list[str]], None],
    ) -> None:
        self._standard = os.path.dirname(os.__file__)
        self._failed = failed
        self._unobserved = unobserved
        self._packages = tuple({os.path.join(prefix, "") for prefix in (sys.prefix, sys.base_prefix)})
        self._copies = iter(range(sys.maxsize))  # of all runs of this process; `itertools` would be one import more
        self._busy: set[int] = set()  # threads that are inside the hook: what they open then is ours
        self.begin(directory, root, ignored, snapshots, guard)

    def begin(
        self, directory: str, root: str, ignored: tuple[str, ...], snapshots: str, guard: Callable[[str], bool] | None
    ) -> None:
        """Starts, or starts anew for the next run in this process."""
        self._sink = Sink(os.path.join(directory, "files"))
        self._root = root
        self._ignored = ignored
        self._snapshots = snapshots
        self._guard = guard
        self._seen: set[tuple[str, str]] = set()
        self._on = True

    def leave_out(self, thread: int) -> None:
        """Passes over what a thread of reprokit's own opens (its identifier as ``threading.get_ident`` has it)."""
        self._busy.add(thread)

    def _is_ignored(self, path: str) -> bool:
        return path.startswith(self._ignored) and not path.startswith(_MEMORY)

    def imported(self, path: str) -> None:
        """A source file that was imported before observing began."""
        if not path.startswith(self._packages) and not self._is_ignored(path):
            self._note("r", "import", path, path)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """The audit hook. Audit hooks cannot be removed, so it returns at once when it is off."""
        if event == "open":
            if self._on and get_ident() not in self._busy:
                self._opened(*arguments[:3])
        elif event == "sqlite3.connect" and self._on:
            if os.fsdecode(arguments[0]) not in ("", ":memory:") and not os.fsdecode(arguments[0]).startswith("file:"):
                self.native(arguments[0], "a")
        elif event in _LISTING and self._on and get_ident() not in self._busy:
            self._listed(arguments)
        elif event in _DESTRUCTIVE and self._on and get_ident() not in self._busy:
            self._changed(event, arguments)
        elif event == "os.mkdir" and self._on and get_ident() not in self._busy:
            self._made(*arguments[:1])
        elif event in _STARTS and self._on:
            self._starts(event, arguments)

    def close(self) -> None:
        """Stops observing, until `begin`."""
        self._on = False
        self._busy.clear()  # a thread that was left out ends now, and its number is given to one of the user's
        self._sink.close()

    def _opened(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int):
            return
        self._busy.add(get_ident())
        refused = None
        try:
            name = os.fsdecode(path)
            writes, updates = _intent(mode, flags)
            absolute = name if name[:1] == "/" else os.path.join(os.getcwd(), name)
            kind = "w" if writes else "r"
            if not writes and self._is_known("r", "", absolute):
                return
            asked = not writes or "/.cache/" in absolute or "/.local/" in absolute or absolute.startswith(_MEMORY)
            origin = origin_of(3, self._root, self._standard) if asked else "call"
            installed = origin == "import" and absolute.startswith(self._packages)
            if not (installed or origin == "source" or self._is_ignored(absolute)):
                if writes and self._guard is not None and self._guard(absolute):
                    refused = absolute
                elif not self._is_known(kind, origin, absolute):
                    if updates:  # what the file held before goes into what it holds afterwards
                        self._note("r", "user", name, absolute)
                    self._note(kind, origin, name, absolute)
        except Exception as error:  # noqa: BLE001 - an audit hook that raises would break the script's own open()
            self._disable(error)
        finally:
            self._busy.discard(get_ident())
        if refused:
            self._refuse(refused)

    def native(self, path: Any, mode: str) -> None:
        """An access by native code, which raises no audit event; called right before it.

        Args:
            path: as the script gave it.
            mode: as for ``open``.

        Raises:
            PermissionError: in a replay, the path is one that the original wrote to.
        """
        if self._on and isinstance(path, (str, bytes, os.PathLike)):
            self._opened(path, mode, 0)

    def _is_known(self, kind: str, origin: str, absolute: str) -> bool:
        """Whether it has been noted; who imports a file may still open it as data, which is another use of it."""
        again = origin not in RUNS and kind == "r" and (_IMPORTED, absolute) in self._seen
        return (kind, absolute) in self._seen and not again

    def _note(self, kind: str, origin: str, name: str, absolute: str) -> None:
        absolute = os.path.normpath(absolute)
        if self._is_known(kind, origin, absolute):
            return
        if len(self._seen) < _REMEMBERED:
            self._seen.add((kind, absolute))
            if origin in RUNS:
                self._seen.add((_IMPORTED, absolute))
        if kind == "r" and origin not in RUNS:
            self._seen.discard((_IMPORTED, absolute))
        try:
            status = os.stat(absolute)
            signature = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode)
        except OSError:
            if kind == "r":
                return  # it will fail for the script too
            signature = (-1, 0, 0, 0, 0)
        snapshot = ""
        if kind == "w" and ("r", absolute) in self._seen:
            snapshot = self._snapshot(absolute, signature[0])
        spelled = "absolute" if name[:1] == "/" else "relative"
        self._sink.write(encode_record(kind, origin, spelled, absolute, snapshot, *map(str, signature)))

    def _starts(self, event: str, arguments: tuple[Any, ...]) -> None:
        try:
            if command := shut_out(event, arguments):
                self._unobserved(command)
        except Exception as error:  # noqa: BLE001 - an audit hook that raises would break the script's own open()
            self._disable(error)

    def _listed(self, arguments: tuple[Any, ...]) -> None:
        """A directory that the script lists: the names in it are an input, also those that it never opens."""
        path = arguments[0] if arguments else None
        if isinstance(path, int):
            return
        self._busy.add(get_ident())
        try:
            absolute = os.path.abspath(os.fsdecode(path) if path else ".")
            if ("l", absolute) in self._seen or self._is_ignored(absolute):
                return
            origin = origin_of(3, self._root, self._standard)
            if origin in ("import", "source") or (origin == "call" and absolute.startswith(self._packages)):
                return
            if len(self._seen) < _REMEMBERED:
                self._seen.add(("l", absolute))
            self._sink.write(encode_record("l", origin, "absolute", absolute, ""))
        except Exception as error:  # noqa: BLE001 - an audit hook that raises would break the script's own open()
            self._disable(error)
        finally:
            self._busy.discard(get_ident())

    def _made(self, path: Any) -> None:
        """A directory that is about to be made outside the project: a replay must not find it there."""
        try:
            absolute = os.path.abspath(os.fsdecode(path))
            wanted = not (
                self._is_ignored(absolute) or absolute.startswith(self._root) or ("k", absolute) in self._seen
            )
            if wanted and len(self._seen) < _REMEMBERED and not os.path.lexists(absolute):
                self._seen.add(("k", absolute))
                self._sink.write(encode_record("k", "call", "absolute", absolute, ""))
        except Exception as error:  # noqa: BLE001 - an audit hook that raises would break the script's own mkdir()
            self._disable(error)

    def _changed(self, event: str, arguments: tuple[Any, ...]) -> None:
        self._busy.add(get_ident())
        refused = None
        try:
            count = 2 if event in ("os.rename", "os.link", "os.symlink") else 1
            paths = [os.path.abspath(os.fsdecode(p)) for p in arguments[:count] if not isinstance(p, int)]
            for path in paths:
                if self._is_ignored(path):
                    continue
                if self._guard is not None and self._guard(path):
                    refused = path
                    break
                snapshot = ""
                if ("r", path) in self._seen and ("d", path) not in self._seen and os.path.isfile(path):
                    self._seen.add(("d", path))
                    snapshot = self._snapshot(path, os.stat(path).st_size)
                self._sink.write(encode_record(event, "call", "absolute", path, snapshot))
            if event == "os.rename" and len(paths) == 2 and not refused:
                self._sink.write(encode_record("m", "call", *paths, ""))
        except Exception as error:  # noqa: BLE001 - an audit hook that raises would break the script's own open()
            self._disable(error)
        finally:
            self._busy.discard(get_ident())
        if refused:
            self._refuse(refused)

    def _snapshot(self, path: str, size: int) -> str:
        """Copies an input that is about to change; returns the copy's name, or nothing when it is too large."""
        if not 0 <= size <= _SNAPSHOT_LIMIT:
            return ""
        name = f"{os.getpid()}-{next(self._copies)}"  # one a copy, whichever threads make them at once
        with open(path, "rb", buffering=0) as source, open(os.path.join(self._snapshots, name), "wb") as target:
            while chunk := source.read(1 << 20):
                target.write(chunk)
        return name

    def _refuse(self, path: str) -> None:
        raise PermissionError(13, "reprokit: RPK013: a replay never writes over what the original run wrote", path)

    def _disable(self, error: BaseException) -> None:
        self._on = False
        self._failed("files", error)
